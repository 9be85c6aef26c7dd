"""What a person sees: progress bars on stderr, tables on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from dfbench.catalogue.reporter import Advance, Reporter
from dfbench.results.result import MetricValue, RunResult

SHOWN = ("auc", "average_precision", "eer", "tpr_at_fpr5", "accuracy", "f1", "log_loss", "ece")
_TITLES = {
    "average_precision": "AP",
    "log_loss": "log loss",
    "auc": "AUC",
    "eer": "EER",
    "tpr_at_fpr5": "TPR at FPR 5 %",
    "ece": "ECE",
    "f1": "F1",
}


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


class Terminal(Reporter):
    """Bars with rate and time left while stderr is a terminal, plain lines of note otherwise."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def task(self, what: str, total: int) -> Iterator[Advance]:
        if not self.console.is_terminal:
            yield lambda _: None
            return
        columns = [
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        ]
        with Progress(*columns, console=self.console, transient=True) as progress:
            number = progress.add_task(what, total=total)
            yield lambda steps: progress.advance(number, steps)

    def note(self, text: str) -> None:
        self.console.print(text, style="dim", markup=False)

    def warn(self, text: str) -> None:
        self.console.print(f"warning: {text}", style="yellow", markup=False)


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=1))


def stdout() -> Console:
    """Console for tables; a pipe gets them as wide as they need."""
    console = Console(highlight=False)
    return console if sys.stdout.isatty() else Console(highlight=False, width=160)


def print_result(result: RunResult, console: Console) -> None:
    """The short table at the end of a run: video level, all fakes and method by method."""
    console.print(result_table(result))
    for line in result_notes(result):
        console.print(Text(line, style="dim"))


def result_table(result: RunResult) -> Table:
    """A row a metric, a column for all fakes and one for each method."""
    spec = result.spec
    title = f"{spec.model.label} trained on {spec.model.trained_on}, tested on {spec.test.label}"
    table = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        caption="per video, with 95 % intervals over groups",
    )
    videos = [m for m in result.metrics if m.name.startswith("video/")]
    subsets = list(dict.fromkeys(m.subset for m in videos))
    table.add_column("")
    for subset in subsets:
        first = next(m for m in videos if m.subset == subset)
        name = "all fakes" if subset == "all" else subset
        table.add_column(Text(f"{name}\n{first.n_real} real, {first.n_fake} fake"), no_wrap=True)
    for name in SHOWN:
        row = [
            next(
                (
                    m
                    for m in videos
                    if m.name == f"video/{name}"
                    and m.subset == subset
                    and m.rule in (None, _rule(result))
                ),
                None,
            )
            for subset in subsets
        ]
        if any(row):
            table.add_row(_TITLES.get(name, name), *(interval(metric) for metric in row))
    return table


def result_notes(result: RunResult) -> list[str]:
    cost, counts = result.cost, result.counts
    at = f"validation's threshold {result.threshold:.3f}" if _rule(result) == "val" else "0.5"
    lost = {k: counts[k] for k in ("missing", "unreadable", "no_face") if counts.get(k)}
    told = ", ".join(f"{number} {name}" for name, number in lost.items())
    seconds = cost.get("seconds", {})
    return [
        f"accuracy and F1 at {at}; coverage {result.coverage:.1%}" + (f" ({told})" if told else ""),
        f"{cost.get('parameters', 0):,} parameters; "
        + ", ".join(f"{stage} {value:.0f} s" for stage, value in seconds.items()),
        *result.notes,
    ]


def _rule(result: RunResult) -> str:
    return "0.5" if result.threshold is None else "val"


def interval(metric: MetricValue | None) -> str:
    if metric is None:
        return ""
    if metric.value is None:
        return metric.reason or "none"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.3f}"
    return f"{metric.value:.3f} ({metric.low:.3f}-{metric.high:.3f})"


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return table
