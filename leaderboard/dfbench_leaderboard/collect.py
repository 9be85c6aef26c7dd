"""Find runs below folders. What cannot stand in a table is not dropped: it is listed, with why."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dfbench.errors import ResultError
from dfbench.result import MetricValue, RunResult, load_result
from dfbench.spec import ENSEMBLE, RunSpec

COPIES = ("mlartifacts", "mlruns")
"""Folders of MLflow's: they hold copies of results, also of runs done anew since."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finished run, cut down to what a table shows: thousands of them fit into memory.

    metrics: key -> value, those asked for. ended: ISO time. videos_per_second: while scoring.
    """

    spec: RunSpec
    folder: Path
    metrics: dict[str, MetricValue]
    coverage: float | None
    parameters: int | None
    videos_per_second: float | None
    notes: tuple[str, ...]
    ended: str

    @property
    def kind(self) -> str:
        """What must never stand in one ranking: rule 8 of the contest."""
        if self.spec.model.imported:
            return "imported scores"
        if self.spec.model.plugin == ENSEMBLE:
            return "ensemble"
        return "trained here" if self.spec.model.train else "weights as they are"

    def value(self, metric: str) -> MetricValue | None:
        """The metric of that key. Without an ``@rule`` a decision is the one at validation's
        threshold, or at 0.5 where there was no validation."""
        name, bracket, subset = metric.partition("[")
        keys = (metric, f"{name}@val{bracket}{subset}", f"{name}@0.5{bracket}{subset}")
        return next((self.metrics[key] for key in keys if key in self.metrics), None)


@dataclass(frozen=True)
class LeftOut:
    folder: Path
    reason: str


@dataclass
class Collected:
    """keys: every metric that any of the rows has, with and without its ``@rule``."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


def collect(folders: Iterable[Path], metrics: Collection[str]) -> Collected:
    """Every run below ``folders``, each once, with the values of ``metrics``.

    Raises ResultError for a folder that does not exist.
    """
    found = Collected()
    rows: dict[str, Row] = {}
    for folder in _run_folders(folders):
        try:
            result = _finished(folder)
        except ResultError as error:
            found.left_out.append(LeftOut(folder, str(error)))
            continue
        row = _row(result, folder, metrics, found.keys)
        other = rows.get(row.spec.run_id)
        kept = row if other is None or row.ended > other.ended else other
        rows[row.spec.run_id] = kept
        if other is not None:
            lost = other if kept is row else row
            found.left_out.append(LeftOut(lost.folder, f"the same run as {kept.folder}"))
    found.rows = list(rows.values())
    return found


def _run_folders(folders: Iterable[Path]) -> Iterator[Path]:
    seen = set()
    for top in folders:
        if not top.is_dir():
            raise ResultError(f"{top} is no folder: say where the runs are with --runs DIR")
        for path, below, files in os.walk(top):
            if "spec.json" in files or "result.json" in files:
                below.clear()
                folder = Path(path)
                if (real := folder.resolve()) not in seen:
                    seen.add(real)
                    yield folder
            else:
                below[:] = sorted(b for b in below if b not in COPIES and not b.startswith("."))


def _finished(folder: Path) -> RunResult:
    """Raises ResultError saying why there is no result to show."""
    if not (folder / "result.json").exists():
        raise ResultError("has not ended: the same dfbench run goes on where it stopped")
    result = load_result(folder)
    if result.status != "finished":
        raise ResultError(f"{result.status}: {result.error or 'no reason given'}")
    return result


def _row(result: RunResult, folder: Path, metrics: Collection[str], keys: set[str]) -> Row:
    kept = {}
    for value in result.metrics:
        base = value.key.replace(f"@{value.rule}", "", 1) if value.rule else value.key
        keys |= {base, value.key}
        if base in metrics or value.key in metrics:
            kept[value.key] = value
    spec, cost = result.spec, result.cost
    told = f"{spec.model.label} starts from random weights"  # has a column of its own
    return Row(
        spec=spec,
        folder=folder,
        metrics=kept,
        coverage=result.coverage,
        parameters=cost.get("parameters"),
        videos_per_second=cost.get("videos_per_second"),
        notes=tuple(note for note in result.notes if note != told),
        ended=str(result.provenance.get("ended", "")),
    )
