"""How a detector does where it was trained, and elsewhere: mean and sd over seeds, and the drop."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dfbench.catalogue.cards import MetricCard
from dfbench.errors import UnknownNameError
from dfbench.results.result import MetricValue, RunResult

LEVELS = ("video", "clip", "frame")


@dataclass(frozen=True)
class Outcome:
    """How one cell of a matrix ended. result: None where it failed, ``reason`` then says why."""

    detector: str
    train: str
    test: str
    seed: int
    result: RunResult | None
    reason: str = ""
    folder: Path | None = None

    def value(self, metric: str) -> MetricValue | None:
        """The metric of that key, or None. Without an ``@rule`` a decision is the one at
        validation's threshold, or at 0.5 where there was no validation."""
        if self.result is None:
            return None
        found = {value.key: value for value in self.result.metrics}
        name, bracket, subset = metric.partition("[")
        keys = (metric, f"{name}@val{bracket}{subset}", f"{name}@0.5{bracket}{subset}")
        return next((found[key] for key in keys if key in found), None)

    def lacks(self, metric: str) -> str:
        """Why there is no number, or an empty text."""
        value = self.value(metric)
        if self.result is None:
            return self.reason
        if value is None:
            return f"has no {metric}"
        return "" if value.value is not None else value.reason or "undefined"


@dataclass(frozen=True)
class Entry:
    """One place of the table, over seeds. values: by seed. lacking: seeds without a number, and
    why. drop: by how much it is worse than in-domain, over the seeds that both have; None for the
    in-domain place itself, and where there is no such number."""

    in_domain: bool
    values: Mapping[int, float]
    lacking: Mapping[int, str]
    drop: float | None = None

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values.values()) if self.values else None

    @property
    def sd(self) -> float | None:
        """Of the seeds (n - 1); None for fewer than two."""
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None

    @property
    def seeds(self) -> str:
        """``2 of 3 seeds`` where some are lacking, else an empty text."""
        asked = len(self.values) + len(self.lacking)
        return f"{len(self.values)} of {asked} seeds" if self.values and self.lacking else ""


@dataclass(frozen=True)
class Grid:
    """One detector's table: a row for each of ``trains``, a column for each of ``tests``."""

    detector: str
    metric: str
    trains: tuple[str, ...]
    tests: tuple[str, ...]
    entries: Mapping[tuple[str, str], Entry]


def check_metric(metric: str, cards: Mapping[str, MetricCard]) -> bool:
    """Whether more is better. Raises UnknownNameError for a metric that nobody computes."""
    level, _, name = metric.partition("[")[0].partition("@")[0].partition("/")
    if level not in LEVELS or name not in cards:
        known = ", ".join(sorted(cards))
        raise UnknownNameError(
            f"no metric {metric!r}: write {'|'.join(LEVELS)}/NAME, NAME being one of {known}"
        )
    return cards[name].higher_is_better


def grids(outcomes: Sequence[Outcome], metric: str, higher_is_better: bool) -> list[Grid]:
    """A table for each detector, in the order of the outcomes: what it was trained on against
    what it was tested on. metric: a key, ``video/auc``."""
    tables = []
    for detector in dict.fromkeys(outcome.detector for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.detector == detector]
        trains = tuple(dict.fromkeys(outcome.train for outcome in own))
        tests = tuple(dict.fromkeys(outcome.test for outcome in own))
        entries: dict[tuple[str, str], Entry] = {}
        for train in trains:
            home = _entry(own, metric, train, train, None, higher_is_better)
            for test in tests:
                entries[train, test] = _entry(own, metric, train, test, home, higher_is_better)
        tables.append(Grid(detector, metric, trains, tests, entries))
    return tables


def _entry(
    outcomes: Iterable[Outcome],
    metric: str,
    train: str,
    test: str,
    home: Entry | None,
    higher_is_better: bool,
) -> Entry:
    values, lacking = {}, {}
    for outcome in outcomes:
        if (outcome.train, outcome.test) == (train, test):
            value = outcome.value(metric)
            if value is None or value.value is None:
                lacking[outcome.seed] = outcome.lacks(metric)
            else:
                values[outcome.seed] = value.value
    drop = None
    if home is not None and train != test and (both := sorted(set(values) & set(home.values))):
        drop = statistics.fmean(home.values[seed] - values[seed] for seed in both)
        drop = drop if higher_is_better else -drop
    return Entry(train == test, values, lacking, drop)


# --- as files -------------------------------------------------------------------------------

LONG = ("detector", "train", "test", "seed", "metric", "value", "low", "high", "n_real", "n_fake",
        "status", "reason", "run")  # fmt: skip


def long_csv(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> str:
    """A line for each cell and metric; ``metric`` is the key that was found (``video/f1@val``)."""
    rows: list[Sequence[object]] = [LONG]
    for outcome in outcomes:
        for metric in metrics:
            value = outcome.value(metric) or MetricValue(name=metric)
            status = "finished" if outcome.result else "failed"
            rows.append(
                (
                    outcome.detector,
                    outcome.train,
                    outcome.test,
                    outcome.seed,
                    value.key,
                    value.value,
                    value.low,
                    value.high,
                    value.n_real,
                    value.n_fake,
                    status,
                    outcome.lacks(metric),
                    outcome.folder,
                )
            )
    return _csv(rows)


def table_csv(tables: Sequence[Grid]) -> str:
    """The tables as they are printed: for each test its mean, sd, drop and number of seeds."""
    tests = list(dict.fromkeys(test for table in tables for test in table.tests))
    rows: list[Sequence[object]] = [
        [
            "metric",
            "detector",
            "train",
            *(f"{test} {part}" for test in tests for part in ("mean", "sd", "drop", "seeds")),
        ]
    ]
    for table in tables:
        for train in table.trains:
            row: list[object] = [table.metric, table.detector, train]
            for test in tests:
                entry = table.entries.get((train, test), Entry(False, {}, {}))
                row += [entry.mean, entry.sd, entry.drop, len(entry.values)]
            rows.append(row)
    return _csv(rows)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
