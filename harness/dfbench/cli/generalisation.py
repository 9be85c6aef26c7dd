"""What a matrix found, and what it would do, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from dfbench.cli.display import plain_table, print_json, stdout
from dfbench.estimate import Rates, past_rates, testing_seconds, training_seconds
from dfbench.evaluate.generalisation import Entry, Grid, Outcome, grids
from dfbench.evaluate.published import Compared, compare
from dfbench.matrix import Cell, Model
from dfbench.matrix_files import picture_name
from dfbench.result import training_facts

if TYPE_CHECKING:
    from dfbench.protocol import Protocol


@dataclass(frozen=True)
class Found:
    """tables: by metric, one a detector. compared: with what a protocol quotes, else empty."""

    outcomes: Sequence[Outcome]
    tables: dict[str, list[Grid]]
    compared: list[Compared]
    note: str
    protocol: Protocol | None


def gather(
    outcomes: Sequence[Outcome], higher: dict[str, bool], protocol: Protocol | None,
    limit: int | None,
) -> Found:  # fmt: skip
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
    for outcome in found.outcomes:
        if outcome.result is None:
            console.print(Text(f"failed: {_called(outcome)}: {outcome.reason}", style="red"))
    pictures = ", ".join(picture_name(metric) for metric in found.tables)
    console.print(Text(f"{folder}: cells.csv, table.csv, {pictures}", style="dim"))


def _called(outcome: Outcome) -> str:
    return f"{outcome.detector}, {outcome.train} -> {outcome.test}, seed {outcome.seed}"


def _grid(table: Grid, note: str) -> Table:
    shown = Table(
        title=f"{table.detector}: {table.metric}" + (f" ({note})" if note else ""),
        title_justify="left", caption_justify="left", show_lines=True,
        caption="mean ± sd over seeds; drop: how much worse than in-domain",
    )  # fmt: skip
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
    shown = Table("detector", "trained on", "tested on", "metric", title=title,
                  title_justify="left", caption_justify="left",
                  caption="here: mean ± sd over seeds; difference: here - published")  # fmt: skip
    for column in ("published", "here", "difference"):
        shown.add_column(column, justify="right")
    shown.add_column("note")
    lines = sorted(found.compared, key=lambda line: _order(found, line))
    for number, line in enumerate(lines):
        last = number + 1 == len(lines) or lines[number + 1].detector != line.detector
        known = line.published
        cells = (
            line.detector, line.train, line.test, line.metric,
            f"{known.value:.3f}" + ("*" if line.note else "") if known else "",
            _number(line.here) or "failed",
            "" if line.difference is None else f"{line.difference:+.3f}",
            "; ".join(filter(None, (f"* {line.note}" if line.note else "", line.here.seeds))),
        )  # fmt: skip
        shown.add_row(*map(Text, cells), end_section=last)
    return shown


def _order(found: Found, line: Compared) -> tuple[int, int, int]:
    assert found.protocol is not None
    titles = [entrant.title for entrant in found.protocol.entrants]
    places = list(dict.fromkeys((c.train, c.test) for c in found.compared))
    return (titles.index(line.detector), places.index((line.train, line.test)),
            list(found.tables).index(line.metric))  # fmt: skip


def _json(found: Found, folder: Path) -> dict[str, Any]:
    cells = []
    for outcome in found.outcomes:
        values = {m: outcome.value(m) for m in found.tables}
        cells.append({
            "detector": outcome.detector, "train": outcome.train, "test": outcome.test,
            "seed": outcome.seed, "status": "finished" if outcome.result else "failed",
            "reason": outcome.reason or None, "run": str(outcome.folder) if outcome.folder else None,
            "metrics": {m: asdict(v) for m, v in values.items() if v is not None},
        })  # fmt: skip
    tables = [
        {"metric": table.metric, "detector": table.detector, "train": train, "test": test,
         "in_domain": e.in_domain, "mean": e.mean, "sd": e.sd, "drop": e.drop,
         "seeds": sorted(e.values), "lacking": {str(k): v for k, v in e.lacking.items()}}
        for found_tables in found.tables.values() for table in found_tables
        for (train, test), e in table.entries.items()
    ]  # fmt: skip
    published = [
        {"detector": c.detector, "train": c.train, "test": c.test, "metric": c.metric,
         "published": asdict(c.published) if c.published else None, "here": c.here.mean,
         "difference": c.difference, "note": c.note}
        for c in found.compared
    ]  # fmt: skip
    protocol = found.protocol.label if found.protocol else None
    return {"folder": str(folder), "protocol": protocol, "note": found.note, "cells": cells,
            "tables": tables, "published": published}  # fmt: skip


# --- before anything is done ----------------------------------------------------------------


def print_dry_run(models: Sequence[Model], jobs: int, out: Path, as_json: bool) -> int:
    """Every training and cell with its state and seconds by past runs; 1 when some cannot start."""
    rates = past_rates(out, _device(models[0]))
    rows = [row for model in models for row in _rows(model, rates)]
    known = [row["seconds"] for row in rows if row["seconds"] is not None]
    unknown = sum(row["seconds"] is None for row in rows)
    if as_json:
        print_json({"cells": rows, "seconds": sum(known), "unknown": unknown, "jobs": jobs})
    else:
        shown = [{**row, "seconds": _seconds(row)} for row in rows]
        keys = ("detector", "train", "test", "seed", "state", "seconds", "reason")
        keys = tuple(k for k in keys if k != "reason" or any(row["reason"] for row in rows))
        titles = [{"seconds": "time"}.get(key, key) for key in keys]
        console = stdout()
        console.print(plain_table(titles, [[row[key] for key in keys] for row in shown]))
        console.print(Text(_sum(sum(known), unknown, len(rows), jobs), style="dim"))
    return int(any(row["state"] == "cannot start" for row in rows))


def _sum(seconds: float, unknown: int, lines: int, jobs: int) -> str:
    if unknown:
        return (
            f"at least {_time(seconds)}: {unknown} of {lines} lines are unknown, since no run of "
            "that detector has ended here on such a device"
        )
    side = f", {jobs} jobs side by side" if jobs > 1 else ""
    return f"about {_time(seconds / jobs)} in all{side}, by what the same detectors took before"


def _rows(model: Model, rates: Mapping[str, Rates]) -> list[dict[str, Any]]:
    todo = set(map(id, model.todo()))
    first = next((cell for cell in model.cells if cell.spec), None)
    rows = []
    if first is not None and first.spec is not None and first.spec.model.train is not None:
        folder = model.folder
        assert folder is not None
        there = training_facts(folder) is not None and not model.request.again
        seconds = training_seconds(first.spec, rates.get(first.spec.model.label))
        rows.append(_row(first, "(training)", "done" if there else "to do",
                         0.0 if there else seconds))  # fmt: skip
    for cell in model.cells:
        test = cell.test + (f"+{cell.variant}" if cell.variant else "")
        seconds = 0.0
        if id(cell) in todo and cell.spec is not None:
            seconds = testing_seconds(cell.spec, rates.get(cell.spec.model.label))
        state = "to do" if cell.state == "done" and id(cell) in todo else cell.state
        rows.append(_row(cell, test, state, seconds))
    return rows


def _row(cell: Cell, test: str, state: str, seconds: float | None) -> dict[str, Any]:
    return {"detector": cell.detector, "train": cell.train, "test": test, "seed": cell.seed,
            "state": state, "seconds": seconds, "reason": cell.problem}  # fmt: skip


def _device(model: Model) -> str:
    from dfbench.request import check_device

    return check_device(model.request.device, model.request.precision)[0]


def _seconds(row: dict[str, Any]) -> str:
    if row["state"] in ("done", "cannot start"):
        return ""
    return "unknown" if row["seconds"] is None else _time(row["seconds"])


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
