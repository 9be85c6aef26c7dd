"""The main table as the page without scripts shows it: every cell as text, ready for a template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from dfbench_leaderboard.site.cells import MISSING, bar, bar_from, cell_text, interval
from dfbench_leaderboard.site.table import Cell, Column, Line, Section, Table


@dataclass(frozen=True)
class CellShown:
    """css: style class; bar: the path of its interval bar or ""."""

    text: str
    css: str
    interval: str = ""
    bar: str = ""


@dataclass(frozen=True)
class RowShown:
    """rank: as in ``Line``; the first of the cells names the row."""

    rank: int | None
    tied: bool
    href: str
    marks: tuple[str, ...]
    cells: list[CellShown]


@dataclass(frozen=True)
class BodyShown:
    """A section. facts: its videos, its note, its number of rows."""

    test: str
    kind: str
    ranked: bool
    facts: str
    rows: list[RowShown]


@dataclass(frozen=True)
class ColumnShown:
    key: str
    label: str
    title: str
    css: str


class Shown:
    """What the macro ``static_table`` writes.

    table: a clean one (``cells.clean``). most: rows to show, the first ones; whole: with the
    columns that are hidden by default, and without interval bars, to be lighter.
    """

    def __init__(self, table: Table, most: int | None = None, *, whole: bool = False) -> None:
        self.table = table
        self.lines = table.lines[:most]
        self.bar_from = bar_from(table)
        self._bars = None if whole else self.bar_from
        self._at = [at for at, column in enumerate(table.columns) if column.shown or whole]

    @property
    def columns(self) -> Sequence[ColumnShown]:
        columns = [self.table.columns[at] for at in self._at]
        return [ColumnShown(c.key, c.label, c.title, self._css(c)) for c in columns]

    def bodies(self) -> Iterator[BodyShown]:
        counts = [0] * len(self.table.sections)
        for line in self.table.lines:
            counts[line.section] += 1
        for at, lines in groupby(self.lines, key=lambda line: line.section):
            section = self.table.sections[at]
            yield BodyShown(
                section.test,
                section.kind,
                section.ranked,
                facts(section, counts[at]),
                list(map(self._row, lines)),
            )

    def _row(self, line: Line) -> RowShown:
        cells = [self._cell(line.cells[at], self.table.columns[at]) for at in self._at]
        return RowShown(line.rank, line.tied, line.href, line.marks, cells)

    def _cell(self, cell: Cell, column: Column) -> CellShown:
        text, css = cell_text(cell, column), self._css(column)
        if column.kind != "metric" or text == MISSING:
            return CellShown(text, css)
        drawn = column.key == self.table.metric and self._bars is not None
        path = bar(cell, self._bars) if drawn and self._bars is not None else ""
        return CellShown(text, css, interval(cell, column), path)

    def _css(self, column: Column) -> str:
        align = {"text": "", "metric": "m"}.get(column.kind, "n")
        return f"{align} key" if column.key == self.table.metric else align


def facts(section: Section, rows: int) -> str:
    """``518 videos · note · 34 rows``."""
    videos = None if section.videos is None else f"{section.videos:,} videos"
    count = f"{rows:,} {'row' if rows == 1 else 'rows'}"
    ranked = None if section.ranked else "not ranked"
    return " · ".join(filter(None, [videos, section.note, ranked, count]))
