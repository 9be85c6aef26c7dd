"""The reliability diagram: does a score of 0.8 mean four fakes in five?"""

from __future__ import annotations

from matplotlib.figure import Figure

from dfbench.evaluate.calibrate import reliability
from dfbench.evaluate.decide import Chosen
from dfbench.evaluate.scores import Scores
from dfbench.plots.curves import COLOURS, STYLES, plain
from dfbench.results.result import RunResult

_LABELS = {
    "raw": "as scored",
    "temperature": "temperature from validation",
    "isotonic": "isotonic, from validation",
}


def reliability_figure(result: RunResult, videos: Scores) -> Figure:
    """Share of fakes against mean score in 15 bins, raw and calibrated; below, how many videos each
    bin of the raw scores has. Drawn without any window."""
    figure = Figure(figsize=(6, 7), dpi=120, layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="a score that means what it says")
    chosen = Chosen.from_json(result.chosen)
    given = {"raw": videos.scores, **chosen.calibrated(videos.scores)}
    for (name, scores), colour, style in zip(given.items(), COLOURS, STYLES, strict=False):
        points = reliability(videos.labels, scores)
        error = sum(n * abs(score - fakes) for score, fakes, n in points) / len(videos)
        upper.plot(
            [p[0] for p in points],
            [p[1] for p in points],
            color=colour,
            linestyle=style,
            marker="o",
            markersize=4,
            label=f"{_LABELS[name]}: ECE {error:.3f}",
        )
    upper.set(ylabel="share of fakes among the videos", ylim=(-0.02, 1.02), xlim=(-0.02, 1.02))
    upper.grid(alpha=0.3)
    spec = result.spec
    what = f"{spec.model.label}, trained on {spec.model.trained_on}, tested on {spec.test.label}"
    upper.set_title(f"{plain(what)}\none score a video", fontsize=9)
    lower.hist(
        [videos.scores[videos.labels == label] for label in (0, 1)],
        bins=15,
        range=(0, 1),
        stacked=True,
        label=("real", "fake"),
        color=(COLOURS[5], COLOURS[1]),
    )
    lower.set(xlabel="score, P(fake)", ylabel="videos")
    lower.legend(fontsize=8)
    figure.legend(
        *upper.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8
    )
    return figure
