"""The hooks of dfbench, all of them. A plugin implements those it needs with ``dfbench.hookimpl``.

Catalogue hooks return cards and are called when a command first needs that kind of card; a plugin
whose hook raises is skipped and listed with the reason (``dfbench list plugins``). Listener hooks
are called while a run goes on; one that raises is reported and never stops the run. Arguments
are only ever added, and an implementation may take fewer than are offered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from dfbench.catalogue.cards import (
        DatasetCard,
        DetectorCard,
        FaceDetectorCard,
        MetricCard,
        ProtocolCard,
    )
    from dfbench.catalogue.fetched import Fetched
    from dfbench.results.result import RunResult
    from dfbench.results.spec import RunSpec

hookspec = pluggy.HookspecMarker("dfbench")
hookimpl = pluggy.HookimplMarker("dfbench")
"""Marks a plugin's function as its implementation of the hook of that name; see docs/hooks.md."""


@hookspec
def dfbench_detectors() -> Iterable[DetectorCard]:  # type: ignore[empty-body]
    """Detectors this plugin brings. Called at most once per process."""


@hookspec
def dfbench_datasets() -> Iterable[DatasetCard]:  # type: ignore[empty-body]
    """Datasets this plugin brings. Called at most once per process."""


@hookspec
def dfbench_metrics() -> Iterable[MetricCard]:  # type: ignore[empty-body]
    """Metrics this plugin brings; all of them are computed for every run."""


@hookspec
def dfbench_face_detectors() -> Iterable[FaceDetectorCard]:  # type: ignore[empty-body]
    """Face detectors this plugin brings. Called at most once per process."""


@hookspec
def dfbench_protocols() -> Iterable[ProtocolCard]:  # type: ignore[empty-body]
    """Protocols this plugin brings, each a TOML file that lies in it. Called at most once per
    process."""


@hookspec
def dfbench_commands(cli: click.Group) -> None:
    """Add the plugin's own subcommands to ``cli``. Called at every start of the command line, so
    it imports nothing heavy; a command of a name already taken is refused."""


@hookspec
def dfbench_run_started(spec: RunSpec, folder: Path) -> None:
    """A run starts, or goes on after an interruption. ``folder`` is the run's own and exists."""


@hookspec
def dfbench_progress(spec: RunSpec, step: int, values: Mapping[str, float]) -> None:
    """An epoch has ended: ``step`` is the epoch from 1, ``values`` are the numbers of that line of
    ``log.jsonl`` (``train/loss``, ``val/video/auc``, …). Called once per epoch, for the first of
    the runs that share the model."""


@hookspec
def dfbench_run_finished(result: RunResult, folder: Path) -> None:
    """A run has ended and ``result.json`` is written; ``result.status`` is ``finished`` or
    ``failed``. Tracking hangs here."""


@hookspec
def dfbench_fetch_runs(
    address: str, experiments: Sequence[str], folder: Path
) -> Iterable[Fetched] | None:
    """Give the runs that the tracking server at ``address`` holds, in the experiments named or else
    in all that are dfbench's, as run folders below ``folder``; download nothing twice. None for an
    address that the plugin does not know. Asked by ``dfbench leaderboard --mlflow``."""
