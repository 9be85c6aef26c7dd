"""Pages of the whole: does it generalise, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfbench_leaderboard.charts.heatmap import Value, heat_map
from dfbench_leaderboard.rows.entries import Entry
from dfbench_leaderboard.site import comparison
from dfbench_leaderboard.site.comparison import Figure
from dfbench_leaderboard.site.contents import Contents
from dfbench_leaderboard.site.render import environment

MOST_MAPS = 30
MOST_ROWS = 30
"""Of the map of all models together."""


def write_overviews(contents: Contents, out: Path, common: Mapping[str, Any]) -> None:
    """``generalisation.html`` and ``left-out.html``."""
    by_label: dict[str, list[Entry]] = {}
    for entry in contents.entries:
        if entry.spec.model.train and not entry.spec.variant:
            by_label.setdefault(entry.spec.model.label, []).append(entry)
    _write(
        "generalisation",
        out,
        common,
        charts=list(_maps(by_label)),
        more=max(len(by_label) - MOST_MAPS, 0),
    )
    _write(
        "left-out",
        out,
        common,
        searched=contents.searched,
        rejected=[one for one in contents.left_out if one.rejected],
        others=[one for one in contents.left_out if not one.rejected],
    )


def _maps(by_label: Mapping[str, list[Entry]]) -> Iterator[Figure]:
    """All models in one, then each detector that saw several training or test sets."""
    everyone = [entry for entries in by_label.values() for entry in entries]
    if everyone:
        yield _together(everyone)
    for label, entries in list(by_label.items())[:MOST_MAPS]:
        if len({entry.spec.model.trained_on for entry in entries}) > 1:
            yield f"{label}: trained on, tested on", comparison.generalisation(entries)


def _together(entries: list[Entry]) -> Figure:
    values: dict[tuple[str, str], Value] = {}
    rows: dict[str, None] = {}
    for entry in entries:
        row = f"{entry.spec.model.label} on {entry.spec.model.trained_on}"
        rows[row] = None
        values[row, entry.spec.test.label] = comparison.heat(entry, "")
    tests = sorted({entry.spec.test.label for entry in entries})
    names = list(rows)[:MOST_ROWS]
    more = f", the first {MOST_ROWS} of {len(rows)}" if len(rows) > MOST_ROWS else ""
    svg = heat_map(names, tests, values, row_title="model")
    return f"All models and what they were trained on, by what they were tested on{more}", svg


def _write(page: str, out: Path, common: Mapping[str, Any], **content: Any) -> None:
    made = (
        environment()
        .get_template(f"{page}.html")
        .render(**common, **content, root="", current=page)
    )
    (out / f"{page}.html").write_text(made, "utf-8")
