"""ROC and precision-recall pictures at video level: all fakes, and method by method."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfbench.catalogue.records import FAKE, REAL
from dfbench.evaluate.curves import precision_recall, roc
from dfbench.evaluate.scores import Scores
from dfbench.results.result import RunResult

# Okabe and Ito's colours, told apart with any kind of colour vision. There is one style fewer than
# colours, so that both change from curve to curve and no two of the first 30 look the same.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))


def curve_figures(result: RunResult, videos: Scores) -> dict[str, Figure]:
    """ROC and precision-recall curves of a result: file name -> picture. None where the test set
    has one class only. videos: the video scores that the result was computed from."""
    if len(np.unique(videos.labels)) < 2:
        return {}
    return {
        "roc.png": _roc(result, videos),
        "precision_recall.png": _precision_recall(result, videos),
    }


def _roc(result: RunResult, videos: Scores) -> Figure:
    figure, axes = _figure(result)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="chance")
    for name, part, look in _parts(videos):
        axes.plot(
            *roc(part.labels, part.scores), label=_legend(result, "auc", "AUC", name, part), **look
        )
    return _finish(
        figure,
        axes,
        "false positive rate (share of real videos called fake)",
        "true positive rate (share of fake videos found)",
    )


def _precision_recall(result: RunResult, videos: Scores) -> Figure:
    figure, axes = _figure(result)
    share = float((videos.labels == FAKE).mean())
    axes.axhline(share, color="0.6", linewidth=1, label=f"chance for all: {share:.0%} are fake")
    for name, part, look in _parts(videos):
        axes.plot(
            *precision_recall(part.labels, part.scores),
            drawstyle="steps-pre",
            label=_legend(result, "average_precision", "AP", name, part),
            **look,
        )
    return _finish(
        figure,
        axes,
        "recall (share of fake videos found)",
        "precision (share of fakes among videos called fake)",
    )


def _parts(videos: Scores) -> Iterator[tuple[str, Scores, dict[str, Any]]]:
    yield "all", videos, {"color": "black", "linewidth": 3}
    methods = sorted({str(m) for m in videos.methods[videos.labels == FAKE] if m})
    for method, colour, style in zip(methods, cycle(COLOURS), cycle(STYLES), strict=False):
        part = videos.subset((videos.labels == REAL) | (videos.methods == method))
        yield method, part, {"color": colour, "linestyle": style, "linewidth": 1.5}


def _legend(result: RunResult, metric: str, short: str, subset: str, part: Scores) -> str:
    fakes = int((part.labels == FAKE).sum())
    label = f"{'all fakes' if subset == 'all' else subset}: {len(part) - fakes} real, {fakes} fake"
    try:
        value = result.metric(f"video/{metric}" + ("" if subset == "all" else f"[{subset}]"))
    except KeyError:
        return label
    if value.value is None:
        return label
    between = "" if value.low is None else f" [{value.low:.3f}, {value.high:.3f}]"
    return f"{label}, {short} {value.value:.3f}{between}"


def _figure(result: RunResult) -> tuple[Figure, Axes]:
    """A figure that no window and no pyplot state knows of; saving it draws with Agg."""
    spec = result.spec
    figure = Figure(figsize=(6, 7), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    note = "; a quick look" if spec.limited else ""
    model = spec.model
    what = f"{model.label}, trained on {model.trained_on}, tested on {spec.test.label}"
    axes.set_title(f"{plain(fill(what, 90))}\none score a video{note}", fontsize=9)
    return figure, axes


def _finish(figure: Figure, axes: Axes, x: str, y: str) -> Figure:
    axes.set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        [plain(text) for text in labels],
        loc="outside lower center",
        frameon=False,
        fontsize=8,
        title="[low, high] = 95 % interval over groups",
        title_fontsize=8,
    )
    figure.set_figheight(6.4 + 0.18 * len(labels))
    return figure


def plain(text: str) -> str:
    """A name as it is: ``$`` would start a formula."""
    return text.replace("$", r"\$")
