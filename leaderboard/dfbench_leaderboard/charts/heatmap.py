"""Generalisation: trained on downwards, tested on across, or any other matrix of one metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.grid import Grid, draw, hatch, lay_out, numbers, square
from dfbench_leaderboard.charts.svg import (
    add,
    brief,
    chart,
    cut,
    known,
    linked,
    markup,
    message,
    tip,
)

STEPS = 11
"""Shades h0 to h10, see charts.css."""
_SHADE = 14  # width of one in the legend


@dataclass(frozen=True)
class Value:
    """One place. mean: None where there is no number, ``note`` then says why. sd: over seeds, None
    with one. in_domain: framed; None = where row and column have the same name."""

    mean: float | None
    sd: float | None = None
    note: str = ""
    in_domain: bool | None = None
    href: str = ""


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[str, str], Value],
    metric: str = "video AUC",
    low: float = 0.5,
    high: float = 1.0,
    low_name: str = "chance",
    row_title: str = "trained on",
    column_title: str = "tested on",
) -> str:
    """Each (row, column) with its number, shaded from ``low`` to ``high`` (``low`` > ``high`` for a
    metric of which less is better); what lacks a number is hatched."""
    title = f"{metric}: {row_title} down, {column_title} across"
    if not rows or not columns:
        return message("heat", title, "There are no results to draw.")
    grid = lay_out(rows, columns, row_title)
    root = chart("heat", grid.width, grid.bottom + 60, title, _says(rows, columns, values))

    def cell(group: Element, row: str, column: str) -> None:
        value = values.get((row, column), Value(None, note="not run"))
        mean = known(value.mean)
        tip(group, _tip(row, column, metric, value, row_title, column_title))
        inside = linked(group, value.href)
        if mean is None:
            square(inside, grid, "missing")
            hatch(inside, grid.cell)
        else:
            step = shade(mean, low, high)
            square(inside, grid, f"h{step}")
            sd = known(value.sd)
            numbers(inside, grid, f"{mean:.3f}", "" if sd is None else f"±{sd:.3f}", f"t{step}")
        if _home(value, row, column):
            square(inside, grid, "home", 2)

    draw(root, grid, row_title, column_title, cell)
    _legend(root, grid, metric, low, high, low_name)
    return markup(root)


def shade(value: float, low: float, high: float) -> int:
    """0 for ``low`` and what is worse, 10 for ``high``."""
    share = (value - low) / (high - low)
    return round((STEPS - 1) * min(max(share, 0), 1))


def _home(value: Value, row: str, column: str) -> bool:
    return row == column if value.in_domain is None else value.in_domain


def _tip(
    row: str, column: str, metric: str, value: Value, row_title: str, column_title: str
) -> str:
    mean, sd = known(value.mean), known(value.sd)
    spread = "" if sd is None else f" ± {sd:.3f} (sd over seeds)"
    number = "no number" if mean is None else f"{metric} {mean:.3f}{spread}"
    lines = [f"{row_title} {brief(row)}, {column_title} {brief(column)}", number, brief(value.note)]
    return "\n".join(filter(None, lines))


def _says(
    rows: Sequence[str], columns: Sequence[str], values: Mapping[tuple[str, str], Value]
) -> str:
    found: list[tuple[float, str]] = []
    home: list[float] = []
    away: list[float] = []
    for row in rows:
        for column in columns:
            value = values.get((row, column), Value(None))
            mean = known(value.mean)
            if mean is not None:
                found.append((mean, f"{cut(row, 200)} on {cut(column, 200)}"))
                (home if _home(value, row, column) else away).append(mean)
    missing = len(rows) * len(columns) - len(found)
    parts = [f"{len(rows)} by {len(columns)} places, {missing} without a number."]
    if found:
        (lowest, worst), (highest, best) = min(found), max(found)
        parts.append(f"From {lowest:.3f} ({worst}) to {highest:.3f} ({best}).")
    if home and away:
        parts.append(f"Mean in-domain {fmean(home):.3f}, elsewhere {fmean(away):.3f}.")
    return " ".join(parts)


def _legend(root: Element, grid: Grid, metric: str, low: float, high: float, low_name: str) -> None:
    """The shades from end to end, and what a frame and hatching mean."""
    scale = add(root, "g", transform=f"translate(8 {grid.bottom + 12:g})")
    add(scale, "text", metric, class_="muted", y=9)
    for i in range(STEPS):
        add(scale, "rect", class_=f"h{i}", x=_SHADE * i, y=15, width=_SHADE, height=12)
    end = f"{low:g} = {low_name}" if low_name else f"{low:g}"
    add(scale, "text", end, class_="muted", y=40)
    add(scale, "text", f"{high:g}", class_="muted end", x=_SHADE * STEPS, y=40)
    signs = add(root, "g", transform=f"translate({8 + _SHADE * STEPS + 40:g} {grid.bottom + 12:g})")
    add(signs, "rect", class_="home", x=1, y=1, width=20, height=11, rx=2)
    add(signs, "text", "in-domain", class_="muted", x=30, y=11)
    gap = add(signs, "g", transform="translate(0 19)")
    add(gap, "rect", class_="missing", width=22, height=13, rx=2)
    hatch(gap, 22, 13)
    add(gap, "text", "no number", class_="muted", x=30, y=11)
