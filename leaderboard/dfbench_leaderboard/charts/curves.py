"""ROC, DET and precision-recall: one curve a detector, over all thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from dfbench_leaderboard.charts.axes import unit_ticks
from dfbench_leaderboard.charts.overlay import PROBIT, Chance, Plot, Trace, overlay
from dfbench_leaderboard.charts.svg import percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RATES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)
"""Ticks of DET axes; the first and the last are their ends."""


@dataclass(frozen=True, eq=False)
class Curve:
    """labels [N]: 1 = fake; scores [N]: 0..1. href: the page of what it shows. detail: numbers for
    the legend; without, they are computed: AUC, equal error rate or average precision."""

    label: str
    labels: NDArray[np.int64]
    scores: Floats
    href: str = ""
    detail: str = ""


def roc_chart(curves: Sequence[Curve]) -> str:
    """True against false positive rate, chance as the diagonal."""
    plot = Plot(
        "roc",
        "ROC curve",
        "false positive rate (real videos called fake)",
        "true positive rate (fake videos found)",
        "FPR",
        "TPR",
        unit_ticks(),
    )
    chance = Chance((0, 0), (1, 1), label_at=(0.72, 0.65))
    return overlay(plot, _traces(curves, _roc), chance)


def det_chart(curves: Sequence[Curve]) -> str:
    """False negative against false positive rate, both in normal deviates: nearer to the lower
    left corner is better. Rates beyond 0.1 % and 99 % lie on the edges."""
    ticks = {NormalDist().inv_cdf(rate): f"{100 * rate:g}" for rate in RATES}
    plot = Plot(
        "det",
        "DET curve",
        "false positive rate (real videos called fake), %",
        "false negative rate (fake videos missed), %",
        "FPR",
        "FNR",
        ticks,
        PROBIT,
    )
    end = max(ticks)
    chance = Chance((-end, end), (end, -end), label_at=(0.6, -0.4))
    return overlay(plot, _traces(curves, _det), chance)


def precision_recall_chart(curves: Sequence[Curve]) -> str:
    """Precision against recall; chance is the share of fakes, where all curves have the same."""
    plot = Plot(
        "precision-recall",
        "Precision-recall curve",
        "recall (fake videos found)",
        "precision (fakes among videos called fake)",
        "recall",
        "precision",
        unit_ticks(),
    )
    shares = {round(float((c.labels == 1).mean()), 3) for c in curves if _both(c)}
    chance = None
    if len(shares) == 1:
        share = shares.pop()
        below = share - 0.05 if share > 0.1 else share + 0.02
        chance = Chance(
            (0, share), (1, share), (0.99, below), f"chance: {percent(share, 0)} are fake", "end"
        )
    return overlay(plot, _traces(curves, _precision_recall), chance)


def _traces(curves: Sequence[Curve], trace: Callable[[Curve], Trace]) -> list[Trace]:
    return [
        trace(curve) if _both(curve) else Trace(curve.label, curve.href, "one class only")
        for curve in curves
    ]


def _both(curve: Curve) -> bool:
    return {0, 1} <= set(curve.labels.tolist())


def _thresholds(curve: Curve) -> list[str]:
    """Of each point of a curve; the first, at which nothing is called fake, has none."""
    import numpy as np

    scores = np.unique(curve.scores)[::-1]
    return ["", *(f"{score:.3g}".replace("0.", ".", 1) for score in scores)]


def _roc(curve: Curve) -> Trace:
    import numpy as np

    from dfbench.evaluate import roc

    x, y = roc(curve.labels, curve.scores)
    area = float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2)
    detail = curve.detail or f"AUC {area:.3f}"
    found = percent(y[x <= 0.05].max(), 0)
    says = f"{detail}, {found} of the fakes found at 5 % false positives"
    return Trace(curve.label, curve.href, detail, says, x, y, _thresholds(curve))


def _det(curve: Curve) -> Trace:
    import numpy as np

    from dfbench.evaluate import det, roc

    fpr, tpr = roc(curve.labels, curve.scores)
    detail = curve.detail or f"EER {float(np.interp(0, fpr + tpr - 1, fpr)):.3f}"
    low, high = (NormalDist().inv_cdf(rate) for rate in (RATES[0], RATES[-1]))
    x, y = (np.clip(rate, low, high) for rate in det(curve.labels, curve.scores))
    return Trace(curve.label, curve.href, detail, detail, x, y, _thresholds(curve))


def _precision_recall(curve: Curve) -> Trace:
    """As steps: each point, and before it the corner that leads to it."""
    import numpy as np

    from dfbench.evaluate import precision_recall

    recall, precision = precision_recall(curve.labels, curve.scores)
    detail = curve.detail or f"AP {float((np.diff(recall) * precision[1:]).sum()):.3f}"
    x, y = np.repeat(recall, 2)[1:-1], np.repeat(precision, 2)[2:]
    at = [text for threshold in _thresholds(curve)[1:] for text in ("", threshold)]
    return Trace(curve.label, curve.href, detail, detail, x, y, at)
