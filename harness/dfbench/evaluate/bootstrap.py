"""How sure a metric is: intervals from drawing whole groups again.

Videos of one person resemble each other; drawing them one by one would make an interval too narrow.
Two things mend what a plain percentile interval lacks where groups are few: it is widened as far as
a t interval is wider than a normal one (the *expanded* percentile interval, Hesterberg, "What
Teachers Should Know About the Bootstrap", 2015, section 5.3), and moved by what the draws show of
bias and skewness (BCa, Efron, "Better Bootstrap Confidence Intervals", 1987). Where all
groups agree, as on a perfect test set, so do all draws; the exact interval of a share then says how
many groups of another kind may only have stayed away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from dfbench.catalogue.records import FAKE, REAL

Floats = NDArray[np.float64]
Interval = tuple[float | None, float | None]

DRAWS = 2000
"""Bootstrap draws for an interval."""
LEVEL = 0.95
_CELLS = 1 << 19  # weights worked on at once, 4 MB: more would leave the cache
_BUDGET = 1 << 28  # draws x scores at one level, above which fewer draws are made
_FEWEST = 200
_BLOCKS = 200  # the skewness is measured by leaving out so many parts of the groups, at most


@dataclass(frozen=True)
class Measure:
    """A metric on labels and values [N]; ``weighted``: it also takes weights [d, N].

    cells: where equal samples were merged, the place of each of the N samples among the labels and
    values that are left; their weights are added up.
    """

    metric: Callable[..., Any]
    labels: NDArray[np.int64]
    values: Floats
    weighted: bool
    cells: Floats | None = None

    def merged(self) -> Measure:
        """The same measure on the few samples that differ: right for a metric that takes weights,
        to which two equal samples are one of twice the weight."""
        pairs, place = np.unique(
            np.column_stack([self.labels, self.values]), axis=0, return_inverse=True
        )
        cells = (place.reshape(-1, 1) == np.arange(len(pairs))).astype(np.float64)
        return Measure(self.metric, pairs[:, 0].astype(np.int64), pairs[:, 1], True, cells)

    def on_all(self) -> float:
        if self.cells is not None:
            return float(self.metric(self.labels, self.values, self.cells.sum(0)))
        return float(self.metric(self.labels, self.values))

    def on_draws(self, weights: Floats) -> Floats:
        """The metric on each draw [d]; NaN where it does not exist, or raises as many do when a
        draw has one class only. weights: those of the merged samples where ``cells`` is set."""
        if self.weighted:
            return np.asarray(self.metric(self.labels, self.values, weights), np.float64)
        return np.array([self._on_draw(row) for row in weights.astype(np.int64)])

    def _on_draw(self, times: NDArray[np.int64]) -> float:
        try:
            return float(self.metric(np.repeat(self.labels, times), np.repeat(self.values, times)))
        except Exception:  # noqa: BLE001 - the metric itself was computed; this draw has none
            return float("nan")


class Bootstrap:
    """Draws of whole groups, with replacement; every metric of a table sees the same draws.

    freedom: degrees of freedom of what the groups say of a difference between fakes and reals.
    short: by what factor the spread of the draws falls short of the truth. Both are 0 where a class
    has fewer than two groups: they cannot say how groups differ. size: groups of the rarer class.
    """

    def __init__(
        self, groups: NDArray[np.int64], labels: NDArray[np.int64], draws: int, seed: int
    ) -> None:
        self.present, self.groups = np.unique(groups, return_inverse=True)
        self.draws = min(draws, max(_BUDGET // max(len(groups), 1), _FEWEST))
        self.seed = seed
        each = [len(np.unique(groups[labels == label])) for label in (REAL, FAKE)]
        self.size = min(each)
        self.freedom, self.short = _freedom(*each, mixed=sum(each) > len(self.present))

    def weights(self) -> Iterator[Floats]:
        """How often each sample is drawn, [d, N], in portions that stay in the cache."""
        rng = np.random.default_rng(self.seed)
        number = len(self.present)
        step = max(_CELLS // max(len(self.groups), number, 1), 1)
        alone = len(self.groups) == number and bool((self.groups == np.arange(number)).all())
        for begin in range(0, self.draws, step):
            rows = min(step, self.draws - begin)
            drawn = rng.integers(number, size=(rows, number), dtype=np.int32)
            drawn += np.arange(rows, dtype=np.int32)[:, None] * number
            times = np.bincount(drawn.ravel(), minlength=rows * number).reshape(rows, number)
            yield (times if alone else times[:, self.groups]).astype(np.float64)

    def intervals(self, measures: Sequence[Measure]) -> list[Interval]:
        """The interval of each measure, all from one pass over the draws."""
        if not self.freedom or not measures:
            return [(None, None)] * len(measures)
        found = [_passed(measures, weights) for weights in (self.weights, self.left_out)]
        return [
            self.quantiles(drawn, measure.on_all(), left)
            for measure, drawn, left in zip(measures, *found, strict=True)
        ]

    def left_out(self) -> Iterator[Floats]:
        """Every sample once, but for one part of the groups in turn: weights [d, N]."""
        block = np.arange(len(self.present)) * min(_BLOCKS, len(self.present)) // len(self.present)
        mine = block[self.groups]
        step = max(_CELLS // max(len(mine), 1), 1)
        for begin in range(0, int(block[-1]) + 1, step):
            out = np.arange(begin, min(begin + step, int(block[-1]) + 1))
            yield (mine != out[:, None]).astype(np.float64)

    def on_draws(self, measures: Sequence[Measure]) -> list[Floats]:
        """What each measure gives on the draws, [D] each; all see the same draws."""
        return _passed(measures, self.weights)

    def quantiles(
        self, values: Floats, estimate: float | None = None, left_out: Floats | None = None
    ) -> Interval:
        """The expanded 95 % interval of what the draws gave; (None, None) where there is none.

        estimate, left_out: the value on all samples and those without one part each; they say
        how far to move the interval.
        """
        known = values[np.isfinite(values)]
        if len(known) < len(values) / 2 or not self.freedom:
            return None, None  # most draws have one class only
        if estimate is not None and 0 <= estimate <= 1 and np.ptp(known) < 1e-12:
            return _exact(estimate, self.size)
        wide = stdtrit(self.freedom, (1 + LEVEL) / 2) * self.short
        bias = 0.0
        if estimate is not None:
            below = (known < estimate).mean() + (known == estimate).mean() / 2
            bias = float(ndtri(np.clip(below, 1 / len(known), 1 - 1 / len(known))))
        ends = bias + np.array([-wide, wide])
        moved = bias + ends / np.maximum(1 - _skewness(left_out) * ends, 0.1)
        low, high = np.percentile(known, 100 * ndtr(moved))
        return float(low), float(high)

    def p_value(self, differences: Floats) -> float:
        """Two-sided p-value of "no difference": the level whose expanded interval ends at 0.

        NaN where there are too few groups or draws to tell. Never below 2 / (draws + 1).
        """
        known = differences[np.isfinite(differences)]
        if len(known) < len(differences) / 2 or not self.freedom:
            return float("nan")
        below = (known < 0).mean() + (known == 0).mean() / 2
        tail = max(min(below, 1 - below), 1 / (len(known) + 1))
        wide = -ndtri(tail) / self.short
        return float(min(2 * stdtr(self.freedom, -wide), 1.0))


def _passed(measures: Sequence[Measure], portions: Callable[[], Iterator[Floats]]) -> list[Floats]:
    """What each measure gives on all portions of draws."""
    found: list[list[Floats]] = [[] for _ in measures]
    merged = {id(m.cells): m.cells for m in measures if m.cells is not None}.values()
    for weights in portions():
        taken = {id(cells): weights @ cells for cells in merged}
        for values, measure in zip(found, measures, strict=True):
            values.append(measure.on_draws(taken.get(id(measure.cells), weights)))
    return [np.concatenate(values) for values in found]


def _exact(value: float, groups: int) -> tuple[float, float]:
    """The 95 % interval of a value in 0..1 to which all groups agree: what it could be if as many
    groups as could have stayed away (Clopper & Pearson 1934) were the very opposite."""
    alike = ((1 - LEVEL) / 2) ** (1 / groups)
    return value * alike, 1 - (1 - value) * alike


def _freedom(reals: int, fakes: int, *, mixed: bool) -> tuple[float, float]:
    """Degrees of freedom, and true spread / spread of the draws, of so many groups with a real and
    with a fake video. A bootstrap of n groups has sqrt((n - 1) / n) of the spread it estimates.

    mixed: some groups hold both; the smaller number then counts. Otherwise the two classes are two
    samples, and theirs are Welch's degrees of freedom at equal variances.
    """
    if min(reals, fakes) < 2:
        return 0.0, 0.0
    if mixed:
        number = min(reals, fakes)
        return number - 1.0, float(np.sqrt(number / (number - 1)))
    real, fake = 1 / reals, 1 / fakes
    freedom = (real + fake) ** 2 / (real**2 / (reals - 1) + fake**2 / (fakes - 1))
    drawn = real * (1 - real) + fake * (1 - fake)
    return freedom, float(np.sqrt((real + fake) / drawn))


def _skewness(left_out: Floats | None) -> float:
    """Efron's acceleration: a sixth of the skewness of what the single parts contribute."""
    if left_out is None or np.isfinite(left_out).sum() < 3:
        return 0.0
    known = left_out[np.isfinite(left_out)]
    part = known.mean() - known
    spread = float((part**2).sum())
    return float((part**3).sum() / (6 * spread**1.5)) if spread > 1e-24 else 0.0
