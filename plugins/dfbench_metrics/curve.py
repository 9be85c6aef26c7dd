"""What the metrics on ranks share: who scores above each threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Weights at each distinct score, the highest first, [..., K].

    fake, real: of the samples with just that score. caught, alarms: of the fakes and of the reals
    with that score or a higher one. fakes, reals: of all of them, [..., 1].
    """

    fake: Floats
    real: Floats
    caught: Floats
    alarms: Floats

    @property
    def fakes(self) -> Floats:
        return self.caught[..., -1:]

    @property
    def reals(self) -> Floats:
        return self.alarms[..., -1:]

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Whether both classes have a weight, [...]."""
        return np.asarray((self.fakes > 0) & (self.reals > 0))[..., 0]

    def fpr(self, threshold: NDArray[np.int64]) -> Floats:
        """False positive rate [...] at a threshold for each row [...]: 0 = above all scores, k =
        the k-th highest. Of no meaning where a class has no weight."""
        return self._share(self.alarms, self.reals, threshold)

    def tpr(self, threshold: NDArray[np.int64]) -> Floats:
        """True positive rate [...], likewise."""
        return self._share(self.caught, self.fakes, threshold)

    def first(self, holds: Callable[[Floats, Floats], NDArray[np.bool_]]) -> NDArray[np.int64]:
        """The first threshold [...] at which ``holds(fpr, tpr)``, which stays true once it is and
        is true at the last one. Bisection: looking at every threshold of every draw takes long."""
        if self.fakes.ndim == 1:  # of a single row a look at every threshold is quicker
            rates = (
                np.concatenate(([0.0], part)) / (whole if whole[0] > 0 else 1)
                for part, whole in ((self.alarms, self.reals), (self.caught, self.fakes))
            )
            return np.asarray(np.argmax(holds(*rates)))
        low = np.full(self.fakes.shape[:-1], -1)
        high = np.full_like(low, self.fake.shape[-1])
        while (high - low > 1).any():
            middle = (low + high) // 2
            true = holds(self.fpr(middle), self.tpr(middle))
            low, high = np.where(true, low, middle), np.where(true, middle, high)
        return high

    def _share(self, part: Floats, whole: Floats, threshold: NDArray[np.int64]) -> Floats:
        if part.ndim == 1:
            some = threshold > 0 and whole[0] > 0
            return np.asarray(part[threshold - 1] / whole[0] if some else 0.0)
        at = np.maximum(threshold - 1, 0)[..., None]
        found = np.take_along_axis(part, at, -1) / np.where(whole > 0, whole, 1)
        return np.where(threshold > 0, found[..., 0], 0.0)


_last: tuple[tuple[Any, Any, Any], Curve] | None = None


def curve(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Curve:
    """The curve of labels, scores [N] and weights [..., N].

    The last one is kept: a bootstrap asks several metrics about the very same draws, and sorting
    and adding up is nearly all of their work.
    """
    global _last
    kept, asked = _last, (labels, scores, weights)
    if kept and all(one is two for one, two in zip(kept[0], asked, strict=True)):
        return kept[1]
    found = _curve(labels, scores, weights)
    _last = None if weights is None else (asked, found)
    return found


def starts(values: NDArray[Any]) -> NDArray[np.int64]:
    """Where a run of equal values [N] begins, N at least 1."""
    return np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))


def _curve(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None) -> Curve:
    y, s = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, np.float64)
    if not len(s):
        nothing = np.zeros((*w.shape[:-1], 1))
        return Curve(nothing, nothing, nothing, nothing)
    if (s[1:] > s[:-1]).any():
        order = np.argsort(-s, kind="stable")
        s, y, w = s[order], y[order], w[..., order]
    first = starts(s)
    fake = w * y
    real = w - fake
    if len(first) < len(s):
        fake, real = np.add.reduceat(fake, first, -1), np.add.reduceat(real, first, -1)
    return Curve(fake, real, np.cumsum(fake, -1), np.cumsum(real, -1))
