"""From run folders to rows. Every number that is kept was computed again from the scores; what
cannot stand in a table is not dropped: it is listed, with why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from dfbench.catalogue import catalogue
from dfbench.errors import DfbenchError
from dfbench.evaluate.stored import StoredRun
from dfbench.evaluate.truth import truth_of_rows
from dfbench.evaluate.verify import verify
from dfbench.fanout import default_workers, fan_out
from dfbench.result import MetricValue, RunResult, load_result
from dfbench.spec import ENSEMBLE, RunSpec
from dfbench_leaderboard.sources import Found, LeftOut, Sources

ALONE, ALONE_WHOLE = 200, 20
"""Runs that this process looks at itself, their main metrics or all of them: other processes would
take longer to start."""
PORTION = 50
"""Runs that a process is given at once."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finished run, cut down to what a table shows: thousands of them fit into memory.

    metrics: key -> value, those asked for. truth: what its scores say of the videos, see
    ``evaluate.truth``. ended: ISO time. videos_per_second: while scoring. train_seconds: None for a
    model that was not trained here.
    """

    spec: RunSpec
    folder: Path
    source: str
    metrics: dict[str, MetricValue]
    coverage: float | None
    truth: str
    parameters: int | None
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


@dataclass
class Collected:
    """keys: every metric that any of the rows has, with and without its ``@rule``. twice: those of
    the rows that were found at several places."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    twice: list[Row] = field(default_factory=list)


class Visitor(Protocol):
    """Something that is done with each run that holds, where it is read: in another process."""

    def visit(self, run: StoredRun, row: Row, whole: bool) -> None: ...


@dataclass(frozen=True)
class Asked:
    """metrics: to be kept, and computed again. whole: all other numbers of a result, too."""

    metrics: frozenset[str]
    whole: bool
    visitor: Visitor | None


def collect(
    sources: Sources, metrics: Collection[str], visitor: Visitor | None = None, most_whole: int = 0
) -> Collected:
    """Every run of ``sources``, each once, with the values of ``metrics``.

    most_whole: of up to so many runs all numbers are computed again, not only those of
    ``metrics``. Raises what ``Sources.find`` raises.
    """
    found = Collected()
    places: list[Found] = []
    for one in sources.find():
        (found.left_out if isinstance(one, LeftOut) else places).append(one)  # type: ignore[arg-type]
    rows: list[Row] = []
    asked = Asked(frozenset(metrics), len(places) <= most_whole, visitor)
    for looked, keys in _look_at_all(places, asked):
        found.keys |= keys
        (rows if isinstance(looked, Row) else found.left_out).append(looked)  # type: ignore[arg-type]
    found.rows = _agreeing(_once(rows, found), found.left_out)
    return found


Looked = tuple[Row | LeftOut, set[str]]


def _look_at_all(places: Sequence[Found], asked: Asked) -> Iterator[Looked]:
    """Each run that ended well and holds, or why it is left out; and the metrics it has."""
    portions = [places[i : i + PORTION] for i in range(0, len(places), PORTION)]
    look = partial(_look_at, asked=asked)
    alone = len(places) <= (ALONE_WHOLE if asked.whole else ALONE)
    done = map(look, portions) if alone else fan_out(look, portions, default_workers())
    for portion in done:
        yield from portion


def _look_at(places: Sequence[Found], asked: Asked) -> list[Looked]:
    return [_look(place, asked) for place in places]


def _look(place: Found, asked: Asked) -> Looked:
    if not (place.folder / "result.json").is_file():
        reason = "has not ended: the same dfbench run goes on where it stopped"
        return LeftOut(place.source, reason), set()
    try:
        result = load_result(place.folder)
    except DfbenchError as error:
        return LeftOut(place.source, str(error), rejected=True), set()
    if result.status != "finished":
        reason = f"{result.status}: {result.error or 'no reason given'}"
        return LeftOut(place.source, reason), set()
    run = StoredRun(place.folder, result)
    faults = verify(run, catalogue().metrics(), only=_only(asked), intervals=False)
    if faults:
        return LeftOut(place.source, "; ".join(faults), rejected=True), set()
    row, keys = _row(run, place, asked.metrics)
    if asked.visitor is not None:
        asked.visitor.visit(run, row, asked.whole)
    return row, keys


def _only(asked: Asked) -> frozenset[str] | None:
    """The metrics to compute again, without rules; None = all, also where one method is asked."""
    if asked.whole or any("[" in key for key in asked.metrics):
        return None
    return frozenset(key.partition("@")[0] for key in asked.metrics)


def _row(
    run: StoredRun, place: Found, metrics: Collection[str]
) -> tuple[Row, set[str]]:
    result, keys, kept = run.result, set(), {}
    for value in result.metrics:
        base = value.key.replace(f"@{value.rule}", "", 1) if value.rule else value.key
        keys |= {base, value.key}
        if base in metrics or value.key in metrics:
            kept[value.key] = value
    spec, cost = result.spec, result.cost
    told = f"{spec.model.label} starts from random weights"  # has a column of its own
    row = Row(
        spec=spec,
        folder=place.folder,
        source=place.source,
        metrics=kept,
        coverage=result.coverage,
        truth=truth_of_rows(run.rows),
        parameters=cost.get("parameters"),
        videos_per_second=cost.get("videos_per_second"),
        train_seconds=_train_seconds(result),
        notes=tuple(note for note in result.notes if note != told),
        ended=str(result.provenance.get("ended", "")),
    )
    return row, keys


def _train_seconds(result: RunResult) -> float | None:
    seconds: float | None = dict(result.cost.get("seconds", {})).get("train")
    return seconds if result.spec.model.train else None


def _once(rows: Sequence[Row], found: Collected) -> list[Row]:
    """Of the runs with one id the one that ended last."""
    kept: dict[str, Row] = {}
    twice = set()
    for row in sorted(rows, key=lambda row: row.source):
        other = kept.get(row.spec.run_id)
        last = row if other is None or row.ended > other.ended else other
        kept[row.spec.run_id] = last
        if other is not None:
            twice.add(row.spec.run_id)
            lost = other if last is row else row
            found.left_out.append(LeftOut(lost.source, f"the same run as {last.source}"))
    found.twice = [kept[run_id] for run_id in twice]
    return list(kept.values())


def _agreeing(rows: Sequence[Row], left_out: list[LeftOut]) -> list[Row]:
    """Without the runs that say other things of the same test videos than most do. An ensemble
    that leaves videos out says less, not other things."""
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        if _votes(row):
            votes[_test(row)][row.truth] += 1
    kept = []
    for row in rows:
        counted = votes[_test(row)]
        mine, most = counted[row.truth], max(counted.values(), default=0)
        ties = sum(number == most for number in counted.values())
        if not _votes(row) or (mine == most and ties == 1):
            kept.append(row)
            continue
        others = sum(counted.values()) - mine
        left_out.append(LeftOut(
            row.source,
            f"{others} other runs on the same test videos of {row.spec.test.label} say otherwise "
            "of their labels, methods or groups", rejected=True,
        ))  # fmt: skip
    return kept


def _votes(row: Row) -> bool:
    return row.spec.model.plugin != ENSEMBLE or row.spec.on_missing != "exclude"


def _test(row: Row) -> tuple[str, str]:
    return row.spec.test.label, row.spec.test.fingerprint
