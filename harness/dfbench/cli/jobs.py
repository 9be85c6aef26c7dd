"""What a person sees of jobs side by side: a line for each, on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from dfbench.cli.display import Terminal
from dfbench.matrix.cells import Model
from dfbench.matrix.job import Event


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
