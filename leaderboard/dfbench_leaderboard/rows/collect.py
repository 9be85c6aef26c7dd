"""From run folders to rows. Every value that is kept was computed again from the scores; what
cannot stand in a table is not dropped: it is listed, with why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from dfbench import (
    DfbenchError,
    UnknownNameError,
    default_workers,
    fan_out,
    load_result,
    open_catalogue,
)
from dfbench.evaluate import StoredRun, verify
from dfbench.results import ENSEMBLE
from dfbench_leaderboard.rows.found import Found, LeftOut
from dfbench_leaderboard.rows.protocols import within
from dfbench_leaderboard.rows.row import Row, row_of
from dfbench_leaderboard.rows.sources import Sources

ALONE, ALONE_WHOLE = 200, 20
"""Runs that this process looks at itself, their main metrics or all of them: other processes would
take longer to start."""
FEW = 500
"""Up to so many runs the interval that they are ranked with is computed again; it takes as long as
all else."""
LONGEST = 1000
"""Characters of a reason."""
PORTION = 50
"""Runs that a process is given at once."""


@dataclass
class Collected:
    """keys: every metric that any of the rows has, with and without its ``@rule``. places: where
    runs were found. twice: those of the rows that were found at several."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    twice: list[Row] = field(default_factory=list)
    places: int = 0


class Visitor(Protocol):
    """Something that is done with each run that holds, where it is read: in another process."""

    def visit(self, run: StoredRun, row: Row, whole: bool) -> None: ...


@dataclass(frozen=True)
class Asked:
    """metrics: to be kept, and computed again. whole: all other numbers of a result, too.
    intervals: of these metrics, too."""

    metrics: frozenset[str]
    whole: bool
    intervals: frozenset[str]
    visitor: Visitor | None


def collect(
    sources: Sources,
    ranked_by: str,
    others: Collection[str] = (),
    visitor: Visitor | None = None,
    most_whole: int = 0,
) -> Collected:
    """Every run of ``sources``, each once, with its value of the metric ``ranked_by`` and of
    ``others``.

    most_whole: of up to so many runs all numbers are computed again, not only these.
    Raises what ``Sources.find`` raises.
    """
    found = Collected()
    places: list[Found] = []
    for one in sources.find():
        if isinstance(one, LeftOut):
            found.left_out.append(one)
        else:
            places.append(one)
    rows: list[Row] = []
    headline = {plain_name(ranked_by)} if len(places) <= FEW else set()
    asked = Asked(
        frozenset({ranked_by, *others}), len(places) <= most_whole, frozenset(headline), visitor
    )
    for looked, keys in _look_at_all(places, asked):
        found.keys |= keys
        (rows if isinstance(looked, Row) else found.left_out).append(looked)  # type: ignore[arg-type]
    found.places = len(places)
    found.rows = within(_agreeing(_once(rows, found), found.left_out), found.left_out)
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
        return _finished(place, asked)
    except DfbenchError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a file that anyone wrote never ends the table
        reason = f"its files are not those of a run: {type(error).__name__}: {error}"
    return LeftOut(place.source, reason[:LONGEST], rejected=True), set()


def _finished(place: Found, asked: Asked) -> Looked:
    """Raises DfbenchError for a result that cannot be read, and anything for one of odd types."""
    result = load_result(place.folder)
    if result.status != "finished":
        reason = f"{result.status}: {result.error or 'no reason given'}"
        return LeftOut(place.source, reason[:LONGEST]), set()
    run = StoredRun(place.folder, result)
    try:
        run.aggregate()
    except UnknownNameError:
        model = result.spec.model
        reason = (
            "its detector's own code makes a video's score: pip install "
            f"{model.plugin}=={model.plugin_version}"
        )
        return LeftOut(place.source, reason), set()
    faults = verify(run, open_catalogue().metrics(), only=_only(asked), intervals=asked.intervals)
    if faults:
        return LeftOut(place.source, "; ".join(faults)[:LONGEST], rejected=True), set()
    row, keys = row_of(run, place, asked.metrics)
    if asked.visitor is not None:
        asked.visitor.visit(run, row, asked.whole)
    return row, keys


def _only(asked: Asked) -> frozenset[str] | None:
    """The metrics to compute again, without rules; None = all, also where one method is asked."""
    if asked.whole or any("[" in key for key in asked.metrics):
        return None
    return frozenset(map(plain_name, asked.metrics))


def plain_name(metric: str) -> str:
    """Level and name, without ``@rule`` and ``[subset]``."""
    return metric.partition("[")[0].partition("@")[0]


def _once(rows: Sequence[Row], found: Collected) -> list[Row]:
    """Of the runs with one id the one that ended last; where copies of it differ, that is said."""
    kept: dict[str, Row] = {}
    twice = set()
    for row in sorted(rows, key=lambda row: row.source):
        other = kept.get(row.spec.run_id)
        last = row if other is None or row.ended > other.ended else other
        kept[row.spec.run_id] = last
        if other is not None:
            twice.add(row.spec.run_id)
            lost = other if last is row else row
            reason = f"the same run as {last.source}"
            if differing := _differing(lost, last):
                later = "ended later and " if last.ended > lost.ended else ""
                reason += f", which {later}has other {' and '.join(differing)}"
            found.left_out.append(LeftOut(lost.source, reason))
    found.twice = [kept[run_id] for run_id in twice]
    return list(kept.values())


def _differing(one: Row, other: Row) -> list[str]:
    """What two copies of a run do not agree on: it was done anew, or somebody changed one."""
    costs = ("parameters", "videos_per_second", "train_seconds")
    parts = {
        "scores": one.metrics == other.metrics and one.truth == other.truth,
        "costs": all(getattr(one, cost) == getattr(other, cost) for cost in costs),
        "notes": one.notes == other.notes,
    }
    return [name for name, same in parts.items() if not same]


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
        left_out.append(
            LeftOut(
                row.source,
                f"{others} other runs on the same test videos of {row.spec.test.label} say "
                "otherwise of their labels, methods or groups",
                rejected=True,
            )
        )
    return kept


def _votes(row: Row) -> bool:
    return row.spec.model.plugin != ENSEMBLE or row.spec.on_missing != "exclude"


def _test(row: Row) -> tuple[str, str]:
    return row.spec.test.label, row.spec.test.fingerprint
