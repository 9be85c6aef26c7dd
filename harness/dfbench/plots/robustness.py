"""AUC against severity, a panel a perturbation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfbench.evaluate.robustness import ALL, Robustness, auc, csv_of, robustness_of
from dfbench.files import write_atomic
from dfbench.plots.curves import COLOURS, STYLES, plain
from dfbench.results.result import RunResult

_ACROSS = 3


def robustness_figure(found: Robustness) -> Figure:
    """Video AUC at each value of each perturbation, the clean test at the left of every panel: all
    fakes with 95 % intervals, and method by method."""
    names = list(found.perturbed)
    columns = min(len(names), _ACROSS)
    rows = -(-len(names) // columns)
    figure = Figure(
        figsize=(max(3.4 * columns, 5), 2.9 * rows + 1.2), dpi=120, layout="constrained"
    )
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, found, name)
    for axes in list(panels)[len(names) :]:
        axes.remove()
    figure.suptitle(_title(found, 32 * columns), fontsize=10)
    figure.supylabel("video AUC", fontsize=9)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        frameon=False,
        fontsize=8,
        ncols=min(len(labels), 2 * columns),
    )
    return figure


def write_robustness(results: Sequence[RunResult], folder: Path) -> list[Path]:
    """``robustness-<test>.csv`` and ``.png`` for each perturbed test set, below ``folder``."""
    files = []
    for found in robustness_of(results):
        table, picture = (folder / f"{found.name}{end}" for end in (".csv", ".png"))
        write_atomic(table, csv_of(found).encode())
        drawn = io.BytesIO()
        robustness_figure(found).savefig(drawn, format="png")
        write_atomic(picture, drawn.getvalue())
        files += [table, picture]
    return files


def _panel(axes: Axes, found: Robustness, name: str) -> None:
    tests = found.perturbed[name]
    results = [found.clean, *(tested.result for tested in tests)]
    axes.axhline(0.5, color="0.6", linewidth=1, label="chance")
    methods = [subset for subset in found.subsets if subset != ALL]
    for method, colour, style in zip(methods, cycle(COLOURS), cycle(STYLES), strict=False):
        look = {"color": colour, "linestyle": style, "linewidth": 1.5, "marker": "o"}
        _curve(axes, results, method, markersize=3, label=plain(method), **look)
    _curve(axes, results, ALL, color="black", linewidth=2.5, label="all fakes, 95 % interval")
    _intervals(axes, results)
    unit = tests[0].by.kind.unit
    axes.set_title(name, fontsize=9)
    axes.set_xlabel(f"{unit}, mild to severe", fontsize=8)
    axes.set_xticks(range(len(results)), ["clean", *(f"{test.by.value:g}" for test in tests)])
    axes.set(ylim=(_lowest(found) - 0.03, 1.03))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)


def _lowest(found: Robustness) -> float:
    """The lowest AUC or end of an interval there is, at most 0.4."""
    results = [found.clean, *(t.result for tests in found.perturbed.values() for t in tests)]
    every = [auc(result, subset) for result in results for subset in found.subsets]
    ends = [end for one in every for end in (one.value, one.low) if end is not None]
    return min([0.4, *ends])


def _curve(axes: Axes, results: list[RunResult], subset: str, **look: Any) -> None:
    values = [auc(result, subset).value for result in results]
    axes.plot(range(len(results)), [float("nan") if v is None else v for v in values], **look)


def _intervals(axes: Axes, results: list[RunResult]) -> None:
    for x, result in enumerate(results):
        here = auc(result)
        if here.low is not None and here.high is not None:
            axes.plot([x, x], [here.low, here.high], color="black", linewidth=1, marker="_")


def _title(found: Robustness, width: int) -> str:
    spec = found.clean.spec
    model = spec.model
    note = "; a quick look" if spec.limited else ""
    text = fill(
        f"{model.label}, trained on {model.trained_on}, tested on {spec.test.label}{note}", width
    )
    drop = found.mean_drop()
    return plain(text) + ("" if drop is None else f"\nmean corruption drop {drop:.3f}")
