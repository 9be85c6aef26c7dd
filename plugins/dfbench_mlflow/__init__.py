"""Tracking: every run that ends is sent to MLflow; ``dfbench track RUN`` sends one again.

``MLFLOW_TRACKING_URI`` says where to; without it the runs folder holds a store of its own.
``DFBENCH_TRACKING=off`` keeps runs from being sent as they end; ``dfbench track`` still works.
``MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false`` sends them without how busy the machine was.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfbench import hookimpl

if TYPE_CHECKING:
    import click

    from dfbench import Fetched, RunResult


@hookimpl
def dfbench_run_started(folder: Path) -> None:
    """Raises TrackingError for an interval that is none."""
    if _wanted("DFBENCH_TRACKING") and _wanted("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"):
        from dfbench_mlflow.system import SAMPLER

        SAMPLER.start(folder)


def _wanted(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("off", "0", "no", "false")


@hookimpl
def dfbench_run_finished(result: RunResult, folder: Path) -> None:
    """Raises TrackingError, which the core reports: the run on disk is never lost."""
    from dfbench_mlflow.system import SAMPLER

    sampled = SAMPLER.finish(folder)
    if not _wanted("DFBENCH_TRACKING"):
        return
    import click

    from dfbench_mlflow.sending.send import send

    click.echo(send(result, folder, sampled), err=True)


@hookimpl
def dfbench_fetch_runs(
    address: str, experiments: Sequence[str], folder: Path
) -> Iterable[Fetched] | None:
    from dfbench_mlflow.fetch import fetch

    return fetch(address, experiments, folder)


@hookimpl
def dfbench_commands(cli: click.Group) -> None:
    from dfbench_mlflow.command import track_command

    cli.add_command(track_command)
