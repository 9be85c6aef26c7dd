"""Which detectors differ: every pair, on the same videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.grid import draw, hatch, lay_out, numbers, square
from dfbench_leaderboard.charts.svg import (
    SMALL,
    WIDTH,
    add,
    brief,
    chart,
    cut,
    interval,
    known,
    markup,
    message,
    tip,
    wrapped,
)

if TYPE_CHECKING:
    from dfbench.evaluate import Pair

_NOTE = (
    "p corrected by Holm for all pairs; bold and framed: p\xa0<\xa00.05. "
    "Blue: the row is better, orange: the column."
)


def paired_matrix(
    names: Sequence[str],
    pairs: Sequence[Pair],
    metric: str = "video AUC",
    higher_is_better: bool = True,
) -> str:
    """Row minus column, with Holm's p: shaded by which is better, bold and framed where
    p < 0.05. A pair given one way stands in both places."""
    title = f"Differences in {metric}, row minus column"
    if len(names) < 2:
        return message("paired", title, "No two detectors were tested on the same videos.")
    found = {(p.one, p.two): p for p in pairs if known(p.difference) is not None}
    grid = lay_out(names, names, "row", 58)
    notes = wrapped(_NOTE, WIDTH - 16, SMALL)
    height = grid.bottom + 20 + 15 * len(notes)
    root = chart("paired", grid.width, height, title, _says(pairs))

    def cell(group: Element, row: str, column: str) -> None:
        sign = 1 if (row, column) in found else -1
        pair = found.get((row, column)) or found.get((column, row))
        if row == column:
            square(group, grid, "self")
        elif pair is None:
            tip(group, f"{brief(row)} and {brief(column)}\nnot compared")
            square(group, grid, "missing")
            hatch(group, grid.cell)
        else:
            difference = sign * pair.difference + 0.0
            better = (difference > 0) == higher_is_better
            side = "better" if better else "worse"
            tip(group, _tip(row, column, difference, sign, pair))
            square(group, grid, side if round(difference, 3) else "even")
            if pair.differ:
                square(group, grid, f"{side} differs", 2)
            bold = "strong" if pair.differ else ""
            numbers(group, grid, _signed(difference), _p(pair.p_holm), bold)

    draw(root, grid, "row", "minus column", cell)
    for i, line in enumerate(notes):
        add(root, "text", line, class_="small muted", x=8, y=grid.bottom + 24 + 15 * i)
    return markup(root)


def _says(pairs: Sequence[Pair]) -> str:
    found = [
        f"{cut(pair.one, 200)} minus {cut(pair.two, 200)}: {_signed(pair.difference)}, "
        f"{_p(pair.p_holm)}"
        for pair in pairs
        if pair.differ and known(pair.difference) is not None
    ]
    told = f"{len(pairs)} pairs, {len(found)} differ with p < 0.05 after Holm's correction"
    return f"{told}: {'; '.join(found[:10])}." if found else f"{told}."


def _tip(row: str, column: str, difference: float, sign: int, pair: Pair) -> str:
    low, high = (None if end is None else sign * end for end in (pair.low, pair.high))
    ends = (low, high) if sign > 0 else (high, low)
    return (
        f"{brief(row)} minus {brief(column)}\n{_signed(difference)}{interval(*ends)}\n"
        f"{_p(pair.p_holm)} by Holm ({_p(pair.p)} alone), {brief(pair.test)}"
    )


def _signed(value: float) -> str:
    """With a minus of the width of the plus."""
    return f"{value:+.3f}".replace("-", "−").replace("+0.000", "0.000").replace("−0.000", "0.000")


def _p(p: float) -> str:
    if known(p) is None:
        return "no p"
    if p < 0.001:
        return "p < 0.001"
    return f"p {p:.3f}" if p < 0.1 else f"p {p:.2f}"
