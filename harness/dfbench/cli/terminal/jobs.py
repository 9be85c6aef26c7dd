"""A matrix before it is done and while it is: how much there is to do, how long it may take, and a
line on stderr for each job."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.text import Text

from dfbench.cli.terminal.display import Terminal, plain_table, print_json, stdout
from dfbench.cli.terminal.grids import failed_lines
from dfbench.evaluate.generalisation import Outcome
from dfbench.matrix.cells import Cell, Model
from dfbench.matrix.estimate import Rates, past_rates, testing_seconds, training_seconds
from dfbench.matrix.job import Event
from dfbench.results.result import training_facts


class Once(Terminal):
    """Says each thing once: planning many models says the same of a dataset again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def note(self, text: str) -> None:
        if text not in self.said:
            self.said.add(text)
            super().note(text)


class JobBoard:
    """A bar for each job that runs while stderr is a terminal; else a line when it begins and one
    when it ends. Jobs speak from threads."""

    def __init__(self, models: Sequence[Model], terminal: Terminal) -> None:
        self.terminal = terminal
        self.total = sum(bool(model.todo()) for model in models)
        self.ended = 0
        self.begun: dict[str, float] = {}
        self.bars: dict[str, TaskID] = {}
        self.lock = threading.Lock()
        columns = [
            TextColumn("{task.fields[job]}"),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Elapsed(),
        ]
        self.progress = Progress(
            *columns,
            console=terminal.console,
            transient=True,
            disable=not terminal.console.is_terminal,
        )

    def __enter__(self) -> JobBoard:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def show(self, job: str, event: Event) -> None:
        with self.lock:
            self._show(job, event)

    def _show(self, job: str, event: Event) -> None:
        if "begin" in event:
            self.begun[job] = time.monotonic()
            self.bars[job] = self.progress.add_task("start", job=job, total=None)
            if self.progress.disable:
                self.terminal.note(f"{job}: begins")
        elif "task" in event:
            self.progress.reset(
                self.bars[job], description=event["task"], total=event["total"] or None
            )
        elif "advance" in event:
            self.progress.advance(self.bars[job], event["advance"])
        elif "warn" in event:
            self.terminal.warn(f"{job}: {event['warn']}")
        elif "ended" in event:
            self.ended += 1
            self.progress.remove_task(self.bars[job])
            seconds = time.monotonic() - self.begun[job]
            how = f"failed: {event['ended']}" if event["ended"] else "done"
            self.terminal.note(f"[{self.ended}/{self.total}] {job}: {how} ({seconds:.0f} s)")


def print_line(job: str, event: Event) -> None:
    """The same from a worker of a cluster: a line when a job begins, warns and ends."""
    for key, word in (("begin", "begins"), ("warn", "warning: "), ("ended", "ended ")):
        if key in event:
            print(f"{job}: {word}{event[key] if key != 'begin' else ''}", file=sys.stderr)


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
