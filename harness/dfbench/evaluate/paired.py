"""Do two detectors differ, on the same videos? Every pair of contenders, by every source of chance.

Two things are drawn at random in a benchmark: the test videos, of people who resemble themselves,
and the seed of the training. The first is measured on the videos (DeLong's variance over groups for
an AUC, a bootstrap of groups for any metric), the second on runs of several seeds; a test that
ignores either claims too much. Pairs are many, so their p-values are corrected (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from dfbench.evaluate.bootstrap import DRAWS, Bootstrap, Measure
from dfbench.evaluate.contenders import Asked, Contender, Table
from dfbench.evaluate.delong import components, covariance, grouped_covariance, p_value

Floats = NDArray[np.float64]
SEEN = 1.959964 + 0.841621
"""Standard errors that a difference must have to be found in 80 % of trials at the 5 % level."""


@dataclass(frozen=True)
class Standing:
    """A contender's value: the mean over its seeds, their standard deviation (None with one), and
    a 95 % interval that knows of both sources of chance."""

    name: str
    seeds: int
    value: float
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Pair:
    """``one`` minus ``two``.

    error: standard error. test: what ``p`` is from. p_holm: corrected for all pairs. smallest: the
    difference that these videos and seeds show in 80 % of trials. others: p-values of other tests.
    """

    one: str
    two: str
    difference: float
    low: float | None
    high: float | None
    error: float
    test: str
    p: float
    smallest: float
    p_holm: float = float("nan")
    others: dict[str, float] = field(default_factory=dict)

    @property
    def differ(self) -> bool:
        return self.p_holm < 0.05


@dataclass(frozen=True)
class Comparison:
    """All contenders by one metric. groups: people, or originals, or videos."""

    key: str
    higher_is_better: bool
    videos: int
    groups: int
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]


def compare(table: Table, asked: Asked, seed: int = 0, draws: int = DRAWS) -> Comparison:
    """Compare all contenders of ``table`` by one metric: each one's value and interval, and for
    each pair the difference, its interval, its p-value corrected for their number (Holm), and the
    difference that could have been seen. draws: of the bootstrap."""
    measures = [
        Measure(asked.card.resolve(), table.labels, row, asked.card.weighted)
        for row in asked.inputs
    ]
    bootstrap = Bootstrap(table.groups, table.labels, draws, seed)
    drawn = np.stack(bootstrap.on_draws(measures))
    chance = _Chance(
        table,
        bootstrap,
        np.array([measure.on_all() for measure in measures]),
        drawn,
        asked.inputs if asked.key == "video/auc" else None,
    )
    pairs = [chance.pair(one, two) for one, two in combinations(table.contenders, 2)]
    return Comparison(
        asked.key,
        asked.card.higher_is_better,
        len(table.labels),
        len(bootstrap.present),
        tuple(chance.standing(contender) for contender in table.contenders),
        _holm(pairs),
    )


@dataclass(frozen=True)
class _Chance:
    """values [K], and on the draws [K, D], of each run; scores [K, N] where the metric is the AUC,
    whose variance is known in closed form."""

    table: Table
    bootstrap: Bootstrap
    values: Floats
    drawn: Floats
    scores: Floats | None

    def standing(self, who: Contender) -> Standing:
        values = self.values[list(who.places)]
        mean, sd = float(values.mean()), _sd(values)
        low, high = self.bootstrap.quantiles(self.drawn[list(who.places)].mean(0), mean)
        if sd and low is not None and high is not None:
            # Two intervals are put together end by end (Zou & Donner 2008).
            by_seed = float(stdtrit(len(values) - 1, 0.975)) * sd / np.sqrt(len(values))
            low = mean - float(np.hypot(mean - low, by_seed))
            high = mean + float(np.hypot(high - mean, by_seed))
        return Standing(who.name, len(values), mean, sd, low, high)

    def pair(self, one: Contender, two: Contender) -> Pair:
        share = self._share(one) - self._share(two)
        difference = float(share @ self.values)
        drawn = share @ self.drawn
        known = drawn[np.isfinite(drawn)]
        spread = float(np.var(known)) if len(known) else float("nan")
        test, variance = "bootstrap", spread * self.bootstrap.short**2
        others = {"bootstrap": self.bootstrap.p_value(drawn)}
        if self.scores is not None:
            plain, grouped = self._delong(share)
            others["delong"] = p_value(difference, plain)
            others["delong_grouped"] = p_value(difference, grouped, self._freedom)
            alone = len(self.bootstrap.present) == len(self.table.labels)
            test = "delong" if alone else "delong_grouped"
            variance = plain if alone else grouped
        freedom = None if test == "delong" else self._freedom
        seeds = self._seed_variance(one, two)
        if seeds is None and test == "bootstrap":
            low, high = self.bootstrap.quantiles(drawn)
            return _pair(one, two, difference, low, high, variance, test, others)
        if seeds is not None:
            others = {f"{test} without seeds": p_value(difference, variance, freedom), **others}
            variance, freedom = _together(variance, freedom, seeds)
            test = f"{test} and seeds"
            others[test] = p_value(difference, variance, freedom)
        wide = _wide(variance, freedom)
        low, high = (difference - wide, difference + wide) if np.isfinite(wide) else (None, None)
        return _pair(one, two, difference, low, high, variance, test, others)

    def _share(self, who: Contender) -> Floats:
        """How much each run counts in the mean over seeds, [K]."""
        share = np.zeros(len(self.values))
        share[list(who.places)] = 1 / len(who.places)
        return share

    @property
    def _freedom(self) -> float:
        return self.bootstrap.freedom or float("nan")

    def _delong(self, share: Floats) -> tuple[float, float]:
        """Variance of the difference by the videos alone, and over groups."""
        assert self.scores is not None
        taking = np.flatnonzero(share)
        try:
            parts = components(self.table.labels, self.scores[taking])
        except ValueError:  # a class is missing: there is no AUC, either
            return float("nan"), float("nan")
        by_video = covariance(parts)
        by_group = grouped_covariance(parts, self.table.labels, self.table.groups)
        weights = share[taking]
        return float(weights @ by_video @ weights), float(weights @ by_group @ weights)

    def _seed_variance(self, *contenders: Contender) -> list[tuple[float, float]] | None:
        """(variance of the mean over seeds, degrees of freedom) of each contender that was trained;
        None where one of them has a single seed."""
        found = []
        for who in contenders:
            if who.runs[0].result.spec.model.train is None:
                continue
            if len(who.runs) < 2:
                return None
            values = self.values[list(who.places)]
            found.append((float(np.var(values, ddof=1)) / len(values), len(values) - 1.0))
        return found or None


def _together(
    variance: float, freedom: float | None, seeds: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Variance of all sources, and its degrees of freedom (Satterthwaite 1946)."""
    parts = [(variance, np.inf if freedom is None else freedom), *seeds]
    total = sum(part for part, _ in parts)
    below = sum(part**2 / free for part, free in parts)
    return total, float(total**2 / below) if below > 0 else float("inf")


def _wide(variance: float, freedom: float | None) -> float:
    """Half of a 95 % interval."""
    quantile = 1.959964 if freedom is None or np.isinf(freedom) else stdtrit(freedom, 0.975)
    return float(quantile * np.sqrt(variance))


def _pair(
    one: Contender,
    two: Contender,
    difference: float,
    low: float | None,
    high: float | None,
    variance: float,
    test: str,
    others: dict[str, float],
) -> Pair:
    error = float(np.sqrt(variance))
    return Pair(
        one.name,
        two.name,
        difference,
        low,
        high,
        error,
        test,
        others.pop(test),
        SEEN * error,
        others=others,
    )


def _sd(values: Floats) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _holm(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Pairs with their corrected p-values: the smallest times the number of pairs, the next times
    one less, never falling. A pair without a p-value is left as it is."""
    corrected = holm([pair.p for pair in pairs])
    return tuple(replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction; NaN stays NaN and counts for nothing."""
    corrected = [float("nan")] * len(p_values)
    known = [i for i in np.argsort(p_values, kind="stable") if not np.isnan(p_values[i])]
    highest = 0.0
    for rank, place in enumerate(known):
        highest = max(highest, min((len(known) - rank) * p_values[place], 1.0))
        corrected[place] = highest
    return corrected
