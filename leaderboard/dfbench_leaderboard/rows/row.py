"""What a table keeps of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dfbench import ResultError
from dfbench.evaluate import StoredRun
from dfbench.results import ENSEMBLE, MetricValue, RunSpec, check_types
from dfbench_leaderboard.rows.found import Found

MOST = 1e18
"""No number of parameters, seconds or videos a second comes near it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finished run, cut down to what a table shows: thousands of them fit into memory.

    entry: what its seeds share, see ``but_for_the_seed``.
    metrics: key -> value, those asked for. truth: what its scores say of the videos, see
    ``results.truth``. ended: ISO time. videos_per_second: while scoring. train_seconds: None for a
    model that was not trained here.
    """

    spec: RunSpec
    folder: Path
    source: str
    entry: str
    metrics: dict[str, MetricValue]
    coverage: float | None
    truth: str
    parameters: float | None
    videos_per_second: float | None
    train_seconds: float | None
    notes: tuple[str, ...]
    ended: str

    @property
    def kind(self) -> str:
        """What must never stand in one ranking: rule 8 of the contest."""
        if self.spec.model.imported:
            return "imported scores"
        if self.spec.model.plugin == ENSEMBLE:
            return "ensemble"
        return "trained here" if self.spec.model.train else "weights as they are"

    def value(self, metric: str) -> MetricValue | None:
        """The metric of that key. Without an ``@rule`` a decision is the one at validation's
        threshold, or at 0.5 where there was no validation."""
        name, bracket, subset = metric.partition("[")
        keys = (metric, f"{name}@val{bracket}{subset}", f"{name}@0.5{bracket}{subset}")
        return next((self.metrics[key] for key in keys if key in self.metrics), None)


def but_for_the_seed(spec: RunSpec) -> str:
    """What makes runs seeds of one entry. Weights as they are have no seed: each stands alone."""
    train = spec.model.train
    if train is None:
        return spec.run_id
    model = replace(spec.model, train=replace(train, seed=0))
    return replace(spec, seed=0, model=model).run_id


def row_of(run: StoredRun, place: Found, metrics: Collection[str]) -> tuple[Row, set[str]]:
    """The row of a run that holds, and the keys of all metrics that it has."""
    result, keys, kept = run.result, set(), {}
    for value in result.metrics:
        key = base = value.key
        if value.rule:
            base = key.replace(f"@{value.rule}", "", 1)
            keys.add(base)
        keys.add(key)
        if base in metrics or key in metrics:
            check_types(MetricValue, vars(value))
            kept[key] = value
    spec, cost = result.spec, result.cost
    told = f"{spec.model.label} starts from random weights"  # has a column of its own
    row = Row(
        spec=spec,
        folder=place.folder,
        source=place.source,
        entry=but_for_the_seed(spec),
        metrics=kept,
        coverage=result.coverage,
        truth=run.truth,
        parameters=_number(cost, "parameters"),
        videos_per_second=_number(cost, "videos_per_second"),
        train_seconds=_number(cost.get("seconds", {}), "train") if spec.model.train else None,
        notes=tuple(str(note) for note in result.notes if note != told),
        ended=_ended(result.provenance),
    )
    return row, keys


def _ended(provenance: Mapping[str, object]) -> str:
    """When the run ended; of copies of a run the last one counts. Raises ResultError for a time
    that is none, or yet to come."""
    told = provenance.get("ended")
    if told is None:
        return ""
    try:
        time = datetime.fromisoformat(str(told))
    except ValueError:
        raise ResultError(f"it ended at {str(told)[:40]!r}, which is no time") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time > datetime.now(UTC) + timedelta(days=1):  # clocks differ
        raise ResultError(f"it ended at {told}, which is yet to come")
    return time.astimezone(UTC).isoformat()


def _number(costs: Mapping[str, object], name: str) -> float | None:
    """What it cost, which nothing here can compute again. Raises ResultError for no number."""
    value = costs.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST:
        raise ResultError(f"{name} is {value!r}, which is no cost")
    return value
