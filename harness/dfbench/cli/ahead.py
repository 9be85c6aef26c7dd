"""What a matrix has before it: how much there is to do, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from dfbench.cli.display import plain_table, print_json, stdout
from dfbench.cli.generalisation import failed_lines
from dfbench.evaluate.generalisation import Outcome
from dfbench.matrix.cells import Cell, Model
from dfbench.matrix.estimate import Rates, past_rates, testing_seconds, training_seconds
from dfbench.results.result import training_facts


def start_lines(models: Sequence[Model]) -> list[str]:
    """How much there is, and what cannot be started: known now, not after hours."""
    cells = [cell for model in models for cell in model.cells]
    unable = [
        Outcome(c.detector, c.train, c.test, c.seed, None, c.problem) for c in cells if c.problem
    ]
    todo = [len(model.todo()) for model in models]
    head = (
        f"{len(cells)} cells of {len(models)} models: {sum(todo)} to do, of "
        f"{sum(number > 0 for number in todo)} models"
    )
    return [head, *(line.replace("failed", "cannot start", 1) for line in failed_lines(unable))]


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
        keys = ["detector", "train", "test", "seed", "state", "seconds"]
        keys += ["reason"] if any(row["reason"] for row in rows) else []
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
        rows.append(
            _row(first, "(training)", "done" if there else "to do", 0.0 if there else seconds)
        )
    for cell in model.cells:
        test = cell.test + (f"+{cell.variant}" if cell.variant else "")
        seconds = 0.0
        if id(cell) in todo and cell.spec is not None:
            seconds = testing_seconds(cell.spec, rates.get(cell.spec.model.label))
        state = "to do" if cell.state == "done" and id(cell) in todo else cell.state
        rows.append(_row(cell, test, state, seconds))
    return rows


def _row(cell: Cell, test: str, state: str, seconds: float | None) -> dict[str, Any]:
    return {
        "detector": cell.detector,
        "train": cell.train,
        "test": test,
        "seed": cell.seed,
        "state": state,
        "seconds": seconds,
        "reason": cell.problem,
    }


def _device(model: Model) -> str:
    from dfbench.running.device import check_device

    return check_device(model.request.device, model.request.precision)[0]


def _seconds(row: dict[str, Any]) -> str:
    if row["state"] in ("done", "cannot start"):
        return ""
    return "unknown" if row["seconds"] is None else _time(row["seconds"])


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
