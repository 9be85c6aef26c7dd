"""The root study's question on known ground: do networks that see time find what frames hide?

    python bench/spatial_vs_temporal.py                   # 30 to 60 minutes on two cores
    python bench/spatial_vs_temporal.py --only r3d18      # one row

Each detector is trained on the built-in sample in a setting that is small enough for a CPU, from
random weights, and tested on ``sample`` and ``sample-control``. The table goes to stdout, the
picture to ``--picture``. Runs that are finished in ``--out`` are read, not run again.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dfbench
from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.cli.terminal.display import Terminal
from dfbench.results.result import MetricValue, RunResult


@dataclass(frozen=True)
class Contestant:
    """A detector in a small setting, and what of its recipe is other than usual."""

    detector: str
    asked: dict[str, Any] = field(default_factory=dict)


# Small ones of the paper's networks; where a recipe is made for 100 epochs on a GPU, fewer epochs
# and a rate that fits them.
CONTESTANTS = [
    Contestant("meso4"),
    Contestant("single_frame:size=112,width=0.25"),
    Contestant("resnet50:size=64", {"lr": 1e-3, "epochs": 4}),
    Contestant("xception:size=96,width=0.25", {"lr": 1e-3, "epochs": 2}),
    Contestant("fwa:size=64,trunk=resnet18,views=2", {"epochs": 1, "batch_size": 16, "lr": 0.05}),
    Contestant(
        "sbi:model=test_efficientnet,size=128", {"epochs": 12, "batch_size": 16, "lr": 0.05}
    ),
    Contestant("slow_fusion:size=112,width=0.25"),
    Contestant("cnn_lstm:frames=8,hidden=128,size=64,trunk=small", {"epochs": 60, "lr": 1e-3}),
    Contestant("r3d18:width=0.25", {"epochs": 4}),
]
KINDS = {"frame": "one frame at a time", "clip": "several frames at once"}
SUBSETS = {
    "warp": "warp: seen in any frame",
    "flicker": "flicker: seen in time alone",
    "control": "control: nothing changed",
}


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    reals_only: bool
    values: dict[str, MetricValue]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], help="names, as in the table")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--picture", type=Path, default=Path("spatial-vs-temporal.png"))
    asked = parser.parse_args()
    rows = [
        contest(who, asked)
        for who in CONTESTANTS
        if not asked.only or parse_name(who.detector)[0] in asked.only
    ]
    rows.sort(key=lambda row: row.kind == "clip")
    print(table(rows))
    draw(rows, asked.picture)


def contest(who: Contestant, asked: argparse.Namespace) -> Row:
    own, control = dfbench.run(
        who.detector,
        train="sample",
        test=["sample", "sample-control"],
        weights="none",
        out=asked.out,
        cache=asked.cache,
        reporter=Terminal(),
        **who.asked,
    )
    values = {name: own.metric(f"video/auc[{name}]") for name in ("warp", "flicker")}
    values["control"] = control.metric("video/auc")
    level = own.spec.model.clip.level
    reals = any("makes its own fakes" in note for note in own.notes)
    return Row(label(own), level, reals, values, sum(own.cost["seconds"].values()))


def label(result: RunResult) -> str:
    changed = ", ".join(f"{k} {v}" for k, v in result.spec.model.given.items())
    return result.spec.model.detector + (f" ({changed})" if changed else "")


def table(rows: list[Row]) -> str:
    lines = [
        "| detector | sees | warp | flicker | control | minutes |",
        "|---|---|---|---|---|---:|",
    ]
    for row in rows:
        cells = [shown(row.values[name]) for name in SUBSETS]
        what = KINDS[row.kind] + (", real videos only" if row.reals_only else "")
        lines.append(f"| {row.name} | {what} | {' | '.join(cells)} | {row.seconds / 60:.1f} |")
    return "\n".join(lines)


def shown(value: MetricValue) -> str:
    text = f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
    return f"**{text}**" if value.low > 0.5 else text


def draw(rows: list[Row], file: Path) -> None:
    """AUC with its interval, a panel for each kind of fake, frame detectors above."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    colours = {"frame": "#b5651d", "clip": "#1f6f8b"}
    figure = Figure(figsize=(10, 0.42 * len(rows) + 1.6), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(SUBSETS), sharey=True)
    for panel, (name, title) in zip(panels, SUBSETS.items(), strict=True):
        panel.axvline(0.5, color="#999999", linewidth=1, linestyle=":")
        for y, row in enumerate(rows):
            value = row.values[name]
            panel.plot([value.low, value.high], [y, y], color=colours[row.kind], linewidth=2)
            panel.plot(value.value, y, "o", color=colours[row.kind], markersize=6)
        panel.set_title(title, fontsize=10, loc="left")
        panel.set_xlim(-0.02, 1.02)
        panel.set_xticks([0, 0.5, 1], ["0", "chance", "1"])
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(length=0, labelsize=9)
    panels[0].set_yticks(range(len(rows)), [row.name for row in rows])
    for tick, row in zip(panels[0].get_yticklabels(), rows, strict=True):
        tick.set_color(colours[row.kind])
    panels[0].invert_yaxis()
    for kind, text in KINDS.items():
        panels[0].plot([], [], "o-", color=colours[kind], label=text)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(
        "Video AUC on the sample, 95 % intervals over people", x=0.01, ha="left", fontsize=11
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


if __name__ == "__main__":
    open_catalogue()
    main()
