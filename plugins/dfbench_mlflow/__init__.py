"""Tracking: every run that ends is sent to MLflow; ``dfbench track RUN`` sends one again.

``MLFLOW_TRACKING_URI`` says where to; without it the runs folder holds a store of its own.
``DFBENCH_TRACKING=off`` keeps runs from being sent as they end; ``dfbench track`` still works.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dfbench import hookimpl

if TYPE_CHECKING:
    import click

    from dfbench.result import RunResult


@hookimpl
def dfbench_run_finished(result: RunResult, folder: Path) -> None:
    """Raises TrackingError, which the core reports: the run on disk is never lost."""
    if os.environ.get("DFBENCH_TRACKING", "").lower() in ("off", "0", "no", "false"):
        return
    import click

    from dfbench_mlflow.send import send

    click.echo(send(result, folder), err=True)


@hookimpl
def dfbench_commands(cli: click.Group) -> None:
    from dfbench_mlflow.command import track_command

    cli.add_command(track_command)
