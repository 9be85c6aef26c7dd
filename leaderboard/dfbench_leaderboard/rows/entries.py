"""Runs that differ only in their seed are one entry of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from dfbench.evaluate import SHARES
from dfbench.results import MetricValue, RunSpec
from dfbench_leaderboard.rows.row import Row


@dataclass(frozen=True)
class Entry:
    """rows: at least one, by seed."""

    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def spec(self) -> RunSpec:
        """Of the first seed; the others' differ in nothing else."""
        return self.first.spec

    @property
    def kind(self) -> str:
        return self.first.kind

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(row.spec.seed for row in self.rows)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for row in self.rows for note in row.notes))

    @property
    def coverage(self) -> float | None:
        """The lowest of its runs."""
        known = [row.coverage for row in self.rows if row.coverage is not None]
        return min(known, default=None)

    @property
    def videos_per_second(self) -> float | None:
        return _mean([row.videos_per_second for row in self.rows])

    @property
    def train_seconds(self) -> float | None:
        return _mean([row.train_seconds for row in self.rows])

    def value(self, metric: str) -> MetricValue | None:
        """The mean over seeds; of one seed, the value itself. Where a seed has no value there is
        no mean."""
        if metric not in self._values:
            self._values[metric] = self._value(metric)
        return self._values[metric]

    @cached_property
    def _values(self) -> dict[str, MetricValue | None]:
        """Those asked for so far."""
        return {}

    def _value(self, metric: str) -> MetricValue | None:
        values = [value for row in self.rows if (value := row.value(metric)) is not None]
        if len(values) < 2:
            return values[0] if len(self.rows) == 1 and values else None
        return mean_over_seeds(values) if len(values) == len(self.rows) else None


def mean_over_seeds(values: Sequence[MetricValue]) -> MetricValue:
    """The mean, and an interval that knows of both sources of chance: the mean interval over the
    test videos, which all seeds share, and a t interval over the seeds, put together end by end
    (Zou & Donner, "Construction of confidence limits about effect measures", 2008)."""
    first = values[0]
    known = [value.value for value in values if value.value is not None]
    if len(known) < len(values):
        reasons = [value.reason for value in values if value.value is None]
        return replace(first, value=None, low=None, high=None, threshold=None, reason=reasons[0])
    mean = sum(known) / len(known)
    variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
    by_seed = _t(len(known) - 1) * (variance / len(known)) ** 0.5
    low, high = ([getattr(value, end) for value in values] for end in ("low", "high"))
    if None in low or None in high:
        return replace(first, value=mean, low=None, high=None, threshold=None)
    below, above = mean - sum(low) / len(low), sum(high) / len(high) - mean
    lowest = mean - (below**2 + by_seed**2) ** 0.5
    highest = mean + (above**2 + by_seed**2) ** 0.5
    if first.name.partition("/")[2] in SHARES:  # with two seeds an interval may be wider
        lowest, highest = max(lowest, 0.0), min(highest, 1.0)
    return replace(first, value=mean, low=lowest, high=highest, threshold=None)


@cache
def _t(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def entries(rows: Iterable[Row]) -> list[Entry]:
    """Rows put together, in the order of their first ones."""
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(row.entry, []).append(row)
    return [Entry(tuple(sorted(found, key=_order))) for found in together.values()]


def _order(row: Row) -> tuple[int, str]:
    return row.spec.seed, row.spec.run_id


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
