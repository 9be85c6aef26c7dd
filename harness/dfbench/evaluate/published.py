"""What a paper reports beside what was measured here; the two never share a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dfbench.catalogue.cards import Published
from dfbench.evaluate.generalisation import Entry, Grid


@dataclass(frozen=True, kw_only=True)
class Quoted(Published):
    """detector: the title it has in the protocol. differs: what was different there, if anything:
    such a number is shown, and no difference taken."""

    detector: str
    differs: str = ""


@dataclass(frozen=True)
class Compared:
    """One line. published: None where nothing is known. note: why there is no difference."""

    detector: str
    train: str
    test: str
    metric: str
    published: Quoted | None
    here: Entry
    note: str = ""

    @property
    def difference(self) -> float | None:
        """Here minus published; None where either is lacking or they are not of one kind."""
        if self.note or self.published is None or self.here.mean is None:
            return None
        return self.here.mean - self.published.value


def compare(tables: Sequence[Grid], quoted: Sequence[Quoted]) -> list[Compared]:
    """A line for each place of the tables (one table a detector and metric)."""
    metrics = {table.metric for table in tables}
    return list(_lines(tables, quoted, {metric.partition("/")[0] for metric in metrics}))


def _lines(
    tables: Sequence[Grid], quoted: Sequence[Quoted], levels: set[str]
) -> Iterator[Compared]:
    for table in tables:
        level, _, name = table.metric.partition("/")
        for (train, test), here in table.entries.items():
            known = [
                q
                for q in quoted
                if (q.detector, q.train, q.test, q.metric)
                == (table.detector, train, test, name.partition("@")[0])
                and (q.level == level or q.level not in levels)
            ]
            # Of the same level where there is one; of another only where no line has that level.
            best = min(known, key=lambda q: q.level != level, default=None)
            yield Compared(
                table.detector, train, test, table.metric, best, here, _note(best, level)
            )


def _note(published: Quoted | None, level: str) -> str:
    if published is None:
        return ""
    if published.level != level:
        return f"published per {published.level}, not per {level}"
    return published.differs
