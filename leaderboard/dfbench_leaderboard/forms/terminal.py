"""The board for a terminal: a table a contest, all alike and no wider than there is room for."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfbench_leaderboard.forms import render
from dfbench_leaderboard.rows.board import SHOWN, Board
from dfbench_leaderboard.rows.rank import Contest, Ranked

PIPE_WIDTH = 160
MOST_LEFT_OUT = 20
GAP = 2
WORDS = ("detector", "trained on", "initial weights", "note")
"""Columns that may be as narrow as WRAP characters, and then wrap; numbers never do."""
WRAP = 14
DROPPED = (
    "videos /s",
    "log loss",
    "AP",
    "ECE",
    "EER",
    "params",
    "initial weights",
    "accuracy",
    "seeds",
    "run",
    "coverage",
    "F1",
)
"""What goes first where there is no room."""

Row = dict[str, str]


def show(board: Board) -> None:
    """Print to stdout; a pipe gets 160 columns."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    notes: dict[str, int] = {}
    rows = {
        contest: [_cells(board, one, notes) for one in ranked]
        for contest, ranked in board.contests.items()
    }
    columns, dropped = _fit([row for part in rows.values() for row in part], console.width)
    for contest, part in rows.items():
        console.print(_table(contest, part, columns), Text(""), sep="\n")
    for line in _rest(board, notes, dropped):
        console.print(Text(render.plain(line), style="dim"), soft_wrap=True)


def _cells(board: Board, ranked: Ranked, notes: dict[str, int]) -> Row:
    heads = [
        "rank",
        "detector",
        "trained on",
        "initial weights",
        "seeds",
        render.heading(board.metric),
        *(SHOWN[m] for m in board.others),
        "coverage",
        "params",
        "videos /s",
    ]
    # The longer notes stand below the tables, once each.
    numbers = [f"({notes.setdefault(note, len(notes) + 1)})" for note in ranked.entry.notes]
    note = " ".join(filter(None, [render.short_note(ranked), *numbers]))
    row = dict(zip(heads, render.cells(board, ranked), strict=True))
    row |= {"note": note, "run": render.run_ids(ranked)}
    return {head: render.plain(cell) for head, cell in row.items()}


def _fit(rows: list[Row], width: int) -> tuple[dict[str, int], list[str]]:
    """The columns that there is room for with their widths, and the names of those dropped."""
    heads = [h for h in (rows[0] if rows else ()) if h != "note" or any(row[h] for row in rows)]
    longest = {head: max(len(row[head]) for row in rows) for head in heads}
    columns = {
        # A heading wraps between its words; the cells of a column of words do, too.
        head: max(min(longest[head], WRAP if head in WORDS else width), *map(len, head.split()))
        for head in heads
    }
    dropped = []
    for head in DROPPED:
        if _spare(columns, width) >= 0:
            break
        if columns.pop(head, None) is not None:
            dropped.append(head.replace(" /", "/"))
    for head in [head for head in (*WORDS, *columns) if head in columns]:  # share what is left
        wanted = max(longest[head], len(head)) - columns[head]
        columns[head] += max(0, min(wanted, _spare(columns, width)))
    return columns, dropped


def _spare(columns: dict[str, int], width: int) -> int:
    return width - sum(columns.values()) - GAP * len(columns)


def _table(contest: Contest, rows: list[Row], columns: dict[str, int]) -> Table:
    missing = "" if contest.on_missing == "chance" else ", those without a score left out"
    title = f"{render.tested_on(contest)}: {contest.videos} test videos{missing}, {contest.kind}"
    table = Table(
        title=Text(render.plain(title), style="bold"),
        title_justify="left",
        box=None,
        padding=(0, GAP, 0, 0),
        header_style="bold",
    )
    for head, width in columns.items():
        left = head in WORDS or head == "run"
        table.add_column(head, justify="left" if left else "right", width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[head]) for head in columns))
    return table


def _rest(board: Board, notes: dict[str, int], dropped: list[str]) -> Iterator[str]:
    if board.contests:
        yield render.legend(board)
    else:
        yield f"no finished run under {', '.join(board.searched)}"
    if dropped:
        yield f"No room for {', '.join(dropped)}: widen the terminal, or use --format csv."
    yield from (f"({number}) {note}" for note, number in notes.items())
    left_out = list(render.left_out_lines(board))
    yield from left_out[:MOST_LEFT_OUT]
    if left_out[MOST_LEFT_OUT:]:
        yield f"left out: {len(left_out) - MOST_LEFT_OUT} more, listed by --json"
