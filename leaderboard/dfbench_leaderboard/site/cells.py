"""How a cell reads. ``assets/rows.js`` has the same rules for the page with scripts, and the tests
hold the two against each other."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from dfbench_leaderboard.forms.numbers import as_it_is, share, size
from dfbench_leaderboard.forms.render import plain
from dfbench_leaderboard.site.table import Cell, Column, Line, Section, Table

MISSING = "–"
LONGEST = 200
"""Characters of a text in the table; the page of the row has it whole."""


def cell_text(cell: Cell, column: Column) -> str:
    """The cell without its interval; ``–`` where nothing is known."""
    value = cell[0] if isinstance(cell, tuple) else cell
    if value is None or value == "":
        return MISSING
    if isinstance(value, str):
        return value
    if column.kind == "size":
        return size(value)
    if column.kind == "share":
        return share(value)
    digits = 3 if column.kind == "metric" and column.digits is None else column.digits
    return as_it_is(value) if digits is None else f"{value:.{digits}f}"


def interval(cell: Cell, column: Column) -> str:
    """``[0.981, 0.993]``, or "" where the cell has none."""
    if not isinstance(cell, tuple) or cell[1] is None or cell[2] is None:
        return ""
    digits = 3 if column.digits is None else column.digits
    return f"[{cell[1]:.{digits}f}, {cell[2]:.{digits}f}]"


def safe_href(href: str) -> str:
    """``href`` if it is a path relative to its page, else "": ``javascript:``, ``//host``."""
    return href if re.fullmatch(r"[^\s:/\\][^\s:\\]*", href) else ""


def kind_class(kind: str) -> str:
    """The style of a badge: ``trained here`` -> ``kind-trained-here``."""
    return "kind-" + re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")


def bar_from(table: Table) -> float | None:
    """Where the scale of the interval bars starts, 0 to 0.5; it ends at 1. None = no bars: the
    table's metric has no best value of 1."""
    at = [column.key for column in table.columns].index(table.metric)
    cells = [line.cells[at] for line in table.lines]
    values = [v for cell in cells if isinstance(cell, tuple) for v in cell if v is not None]
    if not table.columns[at].higher or not values or min(values) < 0 or max(values) > 1:
        return None
    return min(0.5, math.floor(10 * min(values)) / 10)


def bar(cell: Cell, start: float) -> str:
    """The path of an interval bar, 50 wide: from low to high, with a tick at the value."""
    if not isinstance(cell, tuple) or cell[1] is None or cell[2] is None:
        return ""
    at, low, high = (f"{50 * max(0.0, v - start) / (1 - start):.1f}" for v in cell if v is not None)
    return f"M{low} 4H{high}M{at} 1V7"


def clean(table: Table) -> Table:
    """The table made fit to be shown: texts without control characters and of bounded length, no
    number that JSON does not know, no link that leaves the site."""
    return replace(
        table,
        columns=[replace(c, label=_text(c.label), title=_text(c.title)) for c in table.columns],
        sections=[_clean_section(section) for section in table.sections],
        lines=[_clean_line(line) for line in table.lines],
    )


def _clean_section(section: Section) -> Section:
    test, kind, note = map(_text, (section.test, section.kind, section.note))
    return replace(section, test=test, kind=kind, note=note)


def _clean_line(line: Line) -> Line:
    return replace(
        line,
        href=safe_href(line.href),
        marks=tuple(_text(mark) for mark in line.marks),
        cells=tuple(_clean_cell(cell) for cell in line.cells),
    )


def _clean_cell(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return _text(cell)
    if isinstance(cell, tuple):
        value, low, high = (_finite(number) for number in cell)
        return None if value is None else (value, low, high)
    return _finite(cell)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _text(text: str) -> str:
    text = plain(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
