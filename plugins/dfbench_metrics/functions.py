"""Metrics as functions ``(labels [N], scores [N], weights [..., N]) -> [...]``, float64.

Label 1 = fake. Without weights every sample counts once and the result is a scalar; with weights
of shape [D, N] (D bootstrap draws) it is [D]. NaN means that the metric does not exist for the
input: a class without weight, or no sample at all. Definitions agree with scikit-learn's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_TINY = np.finfo(np.float64).eps


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Chance that a fake scores above a real, ties counting half (Mann-Whitney). 0..1."""
    fake, real = _by_threshold(labels, scores, weights)
    real_below = np.flip(np.cumsum(np.flip(real, -1), -1), -1) - real
    wins = (fake * (real_below + real / 2)).sum(-1)
    return _ratio(wins, fake.sum(-1) * real.sum(-1))


def average_precision(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> Any:
    """Sum over thresholds of precision times the recall gained there. 0..1."""
    fake, real = _by_threshold(labels, scores, weights)
    found, false = np.cumsum(fake, -1), np.cumsum(real, -1)
    precision = found / np.where(found + false > 0, found + false, 1)
    value = _ratio((precision * fake).sum(-1), fake.sum(-1))
    return np.where(real.sum(-1) > 0, value, np.nan)[()]


def eer(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """False positive rate where it equals the miss rate, interpolated along the ROC curve. 0..1."""
    fake, real = _by_threshold(labels, scores, weights)
    fakes, reals = fake.sum(-1, keepdims=True), real.sum(-1, keepdims=True)
    exists = (fakes > 0) & (reals > 0)
    origin = np.zeros_like(fakes)
    fpr = np.concatenate([origin, np.cumsum(real, -1) / np.where(exists, reals, 1)], -1)
    miss = 1 - np.concatenate([origin, np.cumsum(fake, -1) / np.where(exists, fakes, 1)], -1)
    after = np.argmax(fpr >= miss, -1)[..., None]  # first threshold past the crossing
    before = np.maximum(after - 1, 0)
    gap_before = np.take_along_axis(miss - fpr, before, -1)
    gap_after = np.take_along_axis(fpr - miss, after, -1)
    start, end = np.take_along_axis(fpr, before, -1), np.take_along_axis(fpr, after, -1)
    total = gap_before + gap_after
    at = np.where(total > 0, gap_before / np.where(total > 0, total, 1), 0)
    value = start + at * (end - start)
    return np.where(exists, value, np.nan)[..., 0][()]


def log_loss(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Mean of -log P(label), scores kept away from 0 and 1 by machine precision. 0..36."""
    y, s, w = _arrays(labels, scores, weights)
    chance = np.clip(np.where(y == 1, s, 1 - s), _TINY, 1 - _TINY)
    return _ratio((-np.log(chance) * w).sum(-1), w.sum(-1))


def accuracy(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of right decisions. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    return _ratio((w * (y == d)).sum(-1), w.sum(-1))


def precision(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of fakes among what was called fake; 0 where nothing was. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    hit, called = (w * (y * d)).sum(-1), (w * d).sum(-1)
    value = hit / np.where(called > 0, called, 1)
    return np.where((w * y).sum(-1) > 0, value, np.nan)[()]


def recall(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Share of the fakes that were called fake. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    return _ratio((w * (y * d)).sum(-1), (w * y).sum(-1))


def f1(labels: ArrayLike, decisions: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """2 TP / (2 TP + FP + FN), which is also Dice's coefficient. 0..1."""
    y, d, w = _arrays(labels, decisions, weights)
    fakes = (w * y).sum(-1)
    value = _ratio(2 * (w * (y * d)).sum(-1), fakes + (w * d).sum(-1))
    return np.where(fakes > 0, value, np.nan)[()]


def _arrays(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    y, s = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, np.float64)
    return y, s, w


def _by_threshold(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats]:
    """Weight of the fakes and of the reals at each distinct score, the highest score first."""
    y, s, w = _arrays(labels, scores, weights)
    if not len(s):
        nothing = np.zeros((*w.shape[:-1], 1))
        return nothing, nothing
    order = np.argsort(-s, kind="stable")
    s, y, w = s[order], y[order], w[..., order]
    first = np.flatnonzero(np.r_[True, s[1:] != s[:-1]])
    return np.add.reduceat(w * y, first, -1), np.add.reduceat(w * (1 - y), first, -1)


def _ratio(part: Any, whole: Any) -> Any:
    """part / whole, NaN where there is no whole."""
    whole = np.asarray(whole, np.float64)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)[()]
