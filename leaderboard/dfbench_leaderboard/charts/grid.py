"""A matrix of cells with named rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.svg import WIDTH, add, label, number, put, width_of

ROWS_NAMED, COLUMNS_NAMED = 130.0, 120.0
"""Room for names at most; longer ones are cut."""
CELL, HIGH = 50.0, 36.0
_SLOPE = 0.71  # of names written at 45 degrees


@dataclass(frozen=True)
class Grid:
    """Where the cells are. slanted: names of columns are too long to stand level."""

    rows: Sequence[str]
    columns: Sequence[str]
    left: float
    top: float
    cell: float
    slanted: bool

    @property
    def right(self) -> float:
        return self.left + self.cell * len(self.columns)

    @property
    def bottom(self) -> float:
        return self.top + HIGH * len(self.rows)

    @property
    def width(self) -> float:
        """Of the drawing: slanted names reach beyond the last column."""
        beyond = max(_reach(self.columns) - self.cell / 2, 0) if self.slanted else 0
        return max(self.right + beyond + 6, WIDTH)


def lay_out(
    rows: Sequence[str], columns: Sequence[str], row_title: str, cell: float = CELL
) -> Grid:
    """cell: width of a cell at least; they are wider where there is room."""
    left = min(max(map(width_of, [*rows, row_title])), ROWS_NAMED) + 14
    cell = min(max(cell, (WIDTH - left - 6) / len(columns)), 1.5 * CELL)
    slanted = max(map(width_of, columns)) > cell - 6
    return Grid(rows, columns, left, (_reach(columns) if slanted else 18) + 28, cell, slanted)


def _reach(names: Sequence[str]) -> float:
    return _SLOPE * min(max(map(width_of, names)), COLUMNS_NAMED) + 8


def draw(
    root: Element,
    grid: Grid,
    row_title: str,
    column_title: str,
    cell: Callable[[Element, str, str], None],
) -> None:
    """Names, and ``cell(group, row, column)`` for each place, the group moved to its corner."""
    add(root, "text", column_title, class_="muted", x=grid.left, y=14)
    add(root, "text", row_title, class_="muted end", x=grid.left - 8, y=grid.top - 8)
    for i, name in enumerate(grid.columns):
        x = grid.left + grid.cell * (i + 0.5)
        if grid.slanted:
            turn = f"rotate(-45 {number(x)} {number(grid.top - 8)})"
            label(root, name, x, grid.top - 8, COLUMNS_NAMED, transform=turn)
        else:
            label(root, name, x, grid.top - 8, grid.cell, class_="mid")
    for j, name in enumerate(grid.rows):
        y = grid.top + HIGH * j
        label(root, name, grid.left - 8, y + HIGH / 2 + 5, ROWS_NAMED, class_="end")
        for i, column in enumerate(grid.columns):
            corner = f"translate({number(grid.left + grid.cell * i)} {number(y)})"
            cell(add(root, "g", transform=corner), name, column)


def square(group: Element, grid: Grid, class_: str, inset: float = 1) -> Element:
    return add(
        group,
        "rect",
        class_=class_,
        x=inset,
        y=inset,
        width=grid.cell - 2 * inset,
        height=HIGH - 2 * inset,
        rx=2,
    )


def hatch(group: Element, width: float, high: float = HIGH) -> None:
    """Slanted lines: there is no number. Drawn as they are: a pattern would need an id."""
    lines, step = [], 8.0
    at = step / 2
    while at < width + high - 4:
        x, y = min(at, width - 2), max(at - (width - 2), 2)
        low = min(at - 2, high - 2)
        lines.append(f"M{number(x)} {number(y)}L{number(max(at - low, 2))} {number(low)}")
        at += step
    put(add(group, "path"), class_="hatch", d="".join(lines))


def numbers(group: Element, grid: Grid, first: str, second: str, class_: str = "") -> None:
    """A number in the middle of a cell, and a smaller one below it."""
    y = HIGH / 2 + (-1 if second else 5)
    for text, small, at in ((first, "", y), (second, "small", y + 14)):
        if text:
            classes = " ".join(filter(None, ["mid", small, class_]))
            add(group, "text", text, class_=classes, x=grid.cell / 2, y=at)
