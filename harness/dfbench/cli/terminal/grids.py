"""What a matrix found, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from dfbench.cli.terminal.display import print_json, stdout
from dfbench.evaluate.generalisation import Entry, Grid, Outcome, grids
from dfbench.evaluate.published import Compared, compare
from dfbench.matrix.files import picture_name

if TYPE_CHECKING:
    from dfbench.matrix.protocol import Protocol


@dataclass(frozen=True)
class Found:
    """tables: by metric, one a detector. compared: with what a protocol quotes, else empty."""

    outcomes: Sequence[Outcome]
    tables: dict[str, list[Grid]]
    compared: list[Compared]
    note: str
    protocol: Protocol | None


def gather(
    outcomes: Sequence[Outcome],
    higher: dict[str, bool],
    protocol: Protocol | None,
    limit: int | None,
) -> Found:
    """Tables of every metric from how the cells ended."""
    tables = {metric: grids(outcomes, metric, up) for metric, up in higher.items()}
    every = [table for found in tables.values() for table in found]
    compared = compare(every, protocol.quoted) if protocol else []
    note = f"a quick look: at most {limit} videos a split" if limit else ""
    return Found(outcomes, tables, compared, note, protocol)


def print_found(found: Found, folder: Path, as_json: bool) -> None:
    """Tables, the comparison, what failed and why, and where it all lies."""
    if as_json:
        print_json(_json(found, folder))
        return
    console = stdout()
    for tables in found.tables.values():
        if found.protocol is None or max(len(table.tests) for table in tables) > 1:
            for table in tables:
                console.print(_grid(table, found.note))
    if found.protocol is not None:
        console.print(_comparison(found))
        for line in filter(None, (found.protocol.paper, found.protocol.note)):
            console.print(Text(" ".join(line.split()), style="dim"))
    for line in failed_lines(found.outcomes):
        console.print(Text(line, style="red"))
    pictures = ", ".join(picture_name(metric) for metric in found.tables)
    console.print(Text(f"{folder}: cells.csv, table.csv, {pictures}", style="dim"))


def failed_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """What failed, a line for each reason."""
    reasons: dict[str, list[str]] = {}
    for o in outcomes:
        if o.result is None:
            cell = f"{o.detector}, {o.train} -> {o.test}, seed {o.seed}"
            reasons.setdefault(o.reason, []).append(cell)
    return [f"failed: {reason} ({_some(cells)})" for reason, cells in reasons.items()]


def _some(cells: Sequence[str]) -> str:
    more = f" and {len(cells) - 3} more cells" if len(cells) > 3 else ""
    return "; ".join(cells[:3]) + more


def _grid(table: Grid, note: str) -> Table:
    shown = Table(
        title=f"{table.detector}: {table.metric}" + (f" ({note})" if note else ""),
        title_justify="left",
        caption_justify="left",
        show_lines=True,
        caption="mean ± sd over seeds; drop: how much worse than in-domain",
    )
    shown.add_column("trained on")
    for test in table.tests:
        shown.add_column(Text(f"tested on\n{test}"))
    for train in table.trains:
        shown.add_row(Text(train), *(_place(table.entries[train, test]) for test in table.tests))
    return shown


def _place(entry: Entry) -> Text:
    text = Text(_number(entry) or "failed", style="bold" if entry.in_domain else "")
    below = "in-domain" if entry.in_domain else ""
    if entry.drop is not None:
        below = f"drop {0.0 + entry.drop:+.3f}"
    for line in filter(None, (below, entry.seeds)):
        text.append(f"\n{line}", style="dim")
    return text


def _number(entry: Entry) -> str:
    if entry.mean is None:
        return ""
    return f"{entry.mean:.3f}" + ("" if entry.sd is None else f" ± {entry.sd:.3f}")


def _comparison(found: Found) -> Table:
    """Published numbers and those measured here, in columns of their own."""
    assert found.protocol is not None
    title = f"{found.protocol.label}" + (f": {found.note}, not the protocol" if found.note else "")
    shown = Table(
        "detector",
        "trained on",
        "tested on",
        "metric",
        title=title,
        title_justify="left",
        caption_justify="left",
        caption="here: mean ± sd over seeds; difference: here - published",
    )
    for column in ("published", "here", "difference"):
        shown.add_column(column, justify="right")
    shown.add_column("note")
    lines = sorted(found.compared, key=lambda line: _order(found, line))
    for number, line in enumerate(lines):
        last = number + 1 == len(lines) or lines[number + 1].detector != line.detector
        known = line.published
        cells = (
            line.detector,
            line.train,
            line.test,
            line.metric,
            f"{known.value:.3f}" + ("*" if line.note else "") if known else "",
            _number(line.here) or "failed",
            "" if line.difference is None else f"{line.difference:+.3f}",
            "; ".join(filter(None, (f"* {line.note}" if line.note else "", line.here.seeds))),
        )
        shown.add_row(*map(Text, cells), end_section=last)
    return shown


def _order(found: Found, line: Compared) -> tuple[int, int, int]:
    assert found.protocol is not None
    titles = [entrant.title for entrant in found.protocol.entrants]
    places = list(dict.fromkeys((c.train, c.test) for c in found.compared))
    return (
        titles.index(line.detector),
        places.index((line.train, line.test)),
        list(found.tables).index(line.metric),
    )


def _json(found: Found, folder: Path) -> dict[str, Any]:
    cells = []
    for outcome in found.outcomes:
        values = {m: outcome.value(m) for m in found.tables}
        cells.append(
            {
                "detector": outcome.detector,
                "train": outcome.train,
                "test": outcome.test,
                "seed": outcome.seed,
                "status": "finished" if outcome.result else "failed",
                "reason": outcome.reason or None,
                "run": str(outcome.folder) if outcome.folder else None,
                "metrics": {m: asdict(v) for m, v in values.items() if v is not None},
            }
        )
    tables = [
        {
            "metric": table.metric,
            "detector": table.detector,
            "train": train,
            "test": test,
            "in_domain": e.in_domain,
            "mean": e.mean,
            "sd": e.sd,
            "drop": e.drop,
            "seeds": sorted(e.values),
            "lacking": {str(k): v for k, v in e.lacking.items()},
        }
        for found_tables in found.tables.values()
        for table in found_tables
        for (train, test), e in table.entries.items()
    ]
    published = [
        {
            "detector": c.detector,
            "train": c.train,
            "test": c.test,
            "metric": c.metric,
            "published": asdict(c.published) if c.published else None,
            "here": c.here.mean,
            "difference": c.difference,
            "note": c.note,
        }
        for c in found.compared
    ]
    protocol = found.protocol.label if found.protocol else None
    return {
        "folder": str(folder),
        "protocol": protocol,
        "note": found.note,
        "cells": cells,
        "tables": tables,
        "published": published,
    }
