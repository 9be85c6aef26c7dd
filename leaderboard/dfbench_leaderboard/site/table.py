"""The main table as an object: what the page, the page without scripts and ``data.js`` show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Cell = str | int | float | tuple[float, float | None, float | None] | None
"""A text, a number, or a metric: value and 95 % interval. None = not known."""


@dataclass(frozen=True)
class Column:
    """label: its heading; title: one sentence that says what it is. kind: ``text``; ``number``,
    with ``digits`` after the point or, without, as it is; ``size`` = a number shown as 28.0 k;
    ``share`` = 0..1 shown as per cent; ``metric`` = value and interval, which may be ranked by.
    higher: whether more is better, for a metric. shown: unless the reader asks otherwise."""

    key: str
    label: str
    title: str
    kind: Literal["text", "number", "size", "share", "metric"] = "text"
    higher: bool | None = None
    shown: bool = True
    digits: int | None = None


@dataclass(frozen=True)
class Section:
    """Rows that may be compared with each other and with no others: the same test videos, treated
    alike, and the same kind of model. ranked: False for numbers quoted from papers."""

    test: str
    kind: str
    videos: int | None
    note: str
    ranked: bool


@dataclass(frozen=True)
class Line:
    """A row. section: its place in ``Table.sections``. href: its page, relative to the main page,
    or "". rank, tied: by the table's metric, see ``rank.Ranked``. marks: what a reader must not
    miss, a word or two each (``limited``). cells: one a column."""

    section: int
    href: str
    rank: int | None
    tied: bool
    marks: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """metric: key of the column that rows are ranked by; lines: in the order of the sections, best
    first."""

    metric: str
    columns: Sequence[Column]
    sections: Sequence[Section]
    lines: Sequence[Line]

    def to_json(self) -> dict[str, Any]:
        """``{metric, columns: [{…}], sections: [{…}], lines: [[section, href, rank, tied, marks,
        cells], …]}``: lines as lists, since there may be ten thousand of them."""
        return {
            "metric": self.metric,
            "columns": [asdict(column) for column in self.columns],
            "sections": [asdict(section) for section in self.sections],
            "lines": [
                [one.section, one.href, one.rank, one.tied, one.marks, one.cells]
                for one in self.lines
            ],
        }
