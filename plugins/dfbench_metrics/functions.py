"""Metrics as functions ``(labels [N], scores [N], weights [..., N]) -> [...]``, float64.

Label 1 = fake. Without weights every sample counts once and the result is a scalar; with weights
of shape [D, N] (D bootstrap draws) it is [D]. NaN means that the metric does not exist for the
input: a class without weight, or no sample at all. Definitions agree with scikit-learn's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbench_metrics.curve import curve, starts

Floats = NDArray[np.float64]
BINS = 15
_TINY = np.finfo(np.float64).eps
_KAGGLE = 1e-15


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Chance that a fake scores above a real, ties counting half (Mann-Whitney). 0..1."""
    found = curve(labels, scores, weights)
    pairs = (found.fakes * found.reals)[..., 0]
    # Lost to a real above or beside it; of those beside, half are won after all.
    lost = _dot(found.fake, found.alarms) - _dot(found.fake, found.real) / 2
    return _ratio(pairs - lost, pairs)


def partial_auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Area under the ROC curve up to a false positive rate of 0.1, scaled so that chance is 0.5
    and the best 1 (McClish 1989). 0..1."""
    most = 0.1
    found = curve(labels, scores, weights)
    last = int(found.first(lambda fpr, tpr: fpr >= most).max())  # beyond it no row has a part
    reals, fakes = (np.where(total > 0, total, 1) for total in (found.reals, found.fakes))
    fpr, tpr = found.alarms[..., :last] / reals, found.caught[..., :last] / fakes
    origin = np.zeros((*fpr.shape[:-1], 1))
    before, below = (np.concatenate([origin, rate[..., :-1]], -1) for rate in (fpr, tpr))
    low, high = np.minimum(before, most), np.minimum(fpr, most)
    wide = fpr - before
    share = np.where(wide > 0, (high - before) / np.where(wide > 0, wide, 1), 1)
    end = below + np.clip(share, 0, 1) * (tpr - below)
    area = _dot(high - low, below + end) / 2
    chance = most**2 / 2
    return np.where(found.exists, (1 + (area - chance) / (most - chance)) / 2, np.nan)[()]


def tpr_at_fpr1(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of fakes found while at most 1 % of the reals are called fake. 0..1."""
    return _tpr_at(0.01, labels, scores, weights)


def tpr_at_fpr5(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of fakes found while at most 5 % of the reals are called fake. 0..1."""
    return _tpr_at(0.05, labels, scores, weights)


def tpr_at_fpr10(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of fakes found while at most 10 % of the reals are called fake. 0..1."""
    return _tpr_at(0.1, labels, scores, weights)


def average_precision(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> Any:
    """Sum over thresholds of precision times the recall gained there. 0..1."""
    found = curve(labels, scores, weights)
    called = found.caught + found.alarms
    precision = found.caught / np.where(called > 0, called, 1)
    value = _ratio(_dot(precision, found.fake), found.fakes[..., 0])
    return np.where(found.reals[..., 0] > 0, value, np.nan)[()]


def eer(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """False positive rate where it equals the miss rate, interpolated along the ROC curve. 0..1."""
    found = curve(labels, scores, weights)
    after = found.first(lambda fpr, tpr: fpr >= 1 - tpr)  # first threshold past the crossing
    before = np.maximum(after - 1, 0)
    start, end = found.fpr(before), found.fpr(after)
    gap_before, gap_after = 1 - found.tpr(before) - start, end - 1 + found.tpr(after)
    total = gap_before + gap_after
    at = np.where(total > 0, gap_before / np.where(total > 0, total, 1), 0)
    return np.where(found.exists, start + at * (end - start), np.nan)[()]


def log_loss(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Mean of -log P(label), scores kept away from 0 and 1 by machine precision. 0..36."""
    return _log_loss(labels, scores, weights, _TINY)


def kaggle_log_loss(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Log loss as in the DFDC challenge on Kaggle, scores clipped to 1e-15..1 - 1e-15. 0..35."""
    return _log_loss(labels, scores, weights, _KAGGLE)


def brier(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Mean squared distance of score and label (Brier 1950). 0..1."""
    y, s, w = _arrays(labels, scores, weights)
    return _ratio(w @ (s - y) ** 2, w.sum(-1))


def ece(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Expected calibration error: how far score and share of fakes lie apart, in 15 equal bins of
    the score, weighted by their videos (Naeini et al. 2015). 0..1."""
    y, s, w = _arrays(labels, scores, weights)
    if not len(s):
        return _ratio(w.sum(-1), w.sum(-1))
    part = np.minimum((s * BINS).astype(np.int64), BINS - 1)
    if (np.diff(part) > 0).any():
        order = np.argsort(-part, kind="stable")
        y, s, w, part = y[order], s[order], w[..., order], part[order]
    first = starts(part)
    apart = np.abs(np.add.reduceat(w * (y - s), first, -1)).sum(-1)
    return _ratio(apart, w.sum(-1))


def accuracy(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of right decisions. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    return _ratio(w @ (y == d), w.sum(-1))


def balanced_accuracy(
    labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None
) -> Any:
    """Mean of the shares of fakes and of reals decided rightly. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    fakes, reals = _ratio(w @ (y * d), w @ y), _ratio(w @ ((1 - y) * (1 - d)), w @ (1 - y))
    return (fakes + reals) / 2


def specificity(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of the real videos that are called real. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    return _ratio(w @ ((1 - y) * (1 - d)), w @ (1 - y))


def precision(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of fakes among what was called fake; 0 where nothing was. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    hit, called = w @ (y * d), w @ d
    value = hit / np.where(called > 0, called, 1)
    return np.where(w @ y > 0, value, np.nan)[()]


def recall(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of the fakes that were called fake. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    return _ratio(w @ (y * d), w @ y)


def f1(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """2 TP / (2 TP + FP + FN), which is also Dice's coefficient. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    fakes = w @ y
    value = _ratio(2 * w @ (y * d), fakes + w @ d)
    return np.where(fakes > 0, value, np.nan)[()]


def _log_loss(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None, margin: float
) -> Any:
    y, s, w = _arrays(labels, scores, weights)
    chance = np.clip(np.where(y == 1, s, 1 - s), margin, 1 - margin)
    return _ratio(w @ -np.log(chance), w.sum(-1))


def _tpr_at(most: float, labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None) -> Any:
    found = curve(labels, scores, weights)
    beyond = np.where(found.exists, found.first(lambda fpr, tpr: fpr > most), 1)
    return np.where(found.exists, found.tpr(beyond - 1), np.nan)[()]


def _dot(one: Floats, two: Floats) -> Any:
    return np.einsum("...k,...k->...", one, two)


def _arrays(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    y, s = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, np.float64)
    return y, s, w


def _ratio(part: Any, whole: Any) -> Any:
    """part / whole, NaN where there is no whole."""
    if np.ndim(whole) == 0:  # not of many draws: NumPy's masks would take longer than all else
        return part / whole if whole > 0 else np.nan
    whole = np.asarray(whole, np.float64)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)[()]
