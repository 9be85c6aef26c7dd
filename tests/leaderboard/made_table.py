"""A table of made rows, and what a browser shows of it."""

from __future__ import annotations

import random
from typing import Any

from browser import visit

from dfbench_leaderboard.site.table import Cell, Column, Line, Section, Table

COLUMNS = (
    Column("detector", "Detector", "What was tested."),
    Column("family", "Family", "What it looks at."),
    Column("year", "Year", "When it was published.", "number"),
    Column("video/auc", "AUC", "Area under the ROC curve.", "metric", higher=True),
    Column("video/f1", "F1", "F1 of fakes.", "metric", higher=True),
    Column("video/eer", "EER", "Equal error rate.", "metric", higher=False),
    Column("coverage", "Coverage", "Test videos with a score.", "share"),
    Column("parameters", "Parameters", "Of the network.", "size"),
    Column("speed", "Videos/s", "While scoring.", "number", digits=1),
    Column("protocol", "Protocol", "Which split.", shown=False),
)
AT = {column.label: place for place, column in enumerate(COLUMNS)}
SECTIONS = (
    Section("Celeb-DF v2", "trained here", 518, "", True),
    Section("Celeb-DF v2", "weights as they are", 518, "", True),
    Section("Celeb-DF v2", "quoted from a paper", None, "three papers", False),
    Section("DFDC", "trained here", 5000, "missing scores count as 0.5", True),
)
CONTEXT = {
    "site_title": "Deepfake benchmark",
    "generated": "2026-01-15",
    "version": "1.2.3",
    "ranked_by": "AUC",
    "intervals_again": True,
    "counts": {"runs": 1, "detectors": 1234, "datasets": 2, "left_out": 3},
}


def make_table(lines: int = 40) -> Table:
    """Numbers that often tie and often fall half-way between two roundings; some are missing."""
    draw = random.Random(0)

    def metric() -> Cell:
        if draw.random() < 0.1:
            return None
        value, half = draw.randrange(1, 64) / 64, draw.choice([1 / 64, 1 / 32])
        return (value, value - half, value + half) if draw.random() < 0.8 else (value, None, None)

    def cells(place: int) -> tuple[Cell, ...]:
        return (
            f"net {place}",
            draw.choice(["frame", "clip", "temporal"]),
            draw.randint(2018, 2025),
            metric(),
            metric(),
            metric(),
            draw.choice([1.0, 0.9996, 0.0625, None]),
            draw.choice([950, 27977, 999_960, 46203074]),
            draw.choice([0.25, 12.34, None]),
            "official",
        )

    drawn = sorted((place * len(SECTIONS) // lines, cells(place)) for place in range(lines))
    made = []
    for at, section in enumerate(SECTIONS):
        own = [one for place, one in drawn if place == at]
        own.sort(key=lambda one: (one[AT["AUC"]] is None, -value(one[AT["AUC"]])))
        ranks = expected(own, AT["AUC"]) if section.ranked else {}
        for place, one in enumerate(own):
            rank, tied = ranks.get(one[0], (None, False))
            href = f"runs/{one[0][4:]}.html" if section.ranked else ""
            marks = ("limited",) if place == 1 else ()
            made.append(Line(at, href, rank, tied, marks, one))
    return Table("video/auc", COLUMNS, SECTIONS, made)


def value(cell: Cell) -> float:
    return cell[0] if isinstance(cell, tuple) else 0.0


def expected(rows: list[tuple[Cell, ...]], at: int) -> dict[Any, tuple[int, bool]]:
    """name -> rank and whether tied with the first, from what the words mean. More is better."""
    known = [row for row in rows if row[at] is not None]
    best = max(known, key=lambda row: value(row[at]))[at]
    falling = sorted((value(row[at]) for row in known), reverse=True)
    ranks = {}
    for row in known:
        rank = 1 + falling.index(value(row[at]))  # one more than there are better ones
        ends = (*row[at][1:], *best[1:])  # type: ignore[index]
        overlap = None not in ends and ends[0] <= ends[3] and ends[2] <= ends[1]
        ranks[row[0]] = (rank, rank > 1 and overlap)
    return ranks


def rows(page: Any) -> list[list[str]]:
    """Texts of the rows; a section's heading is a row of one."""
    return page.evaluate(
        "[...document.querySelectorAll('#board tbody tr')].map("
        "row => [...row.cells].map(cell => cell.textContent.replace(/\\s+/g, ' ').trim()))"
    )


def sections(page: Any) -> list[list[list[str]]]:
    parts: list[list[list[str]]] = []
    for row in rows(page):
        if len(row) == 1:
            parts.append([])
        else:
            parts[-1].append(row)
    assert parts
    return parts


def names(page: Any) -> list[str]:
    return [row[1].removesuffix(" limited") for part in sections(page) for row in part]


def sort_by(page: Any, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def _plain(browser, file):
    return visit(browser, file, java_script_enabled=False)
