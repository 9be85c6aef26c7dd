"""``dfbench track``: send runs from disk, as the listener does when a run ends."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("track")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
def track_command(runs: tuple[Path, ...]) -> None:
    """Send finished or failed runs to MLflow, from their folders.

    RUN is the folder with result.json. A run that MLflow has already is not sent twice; one that
    was done anew since then takes the place of the old one.
    """
    from dfbench import load_result
    from dfbench_mlflow.sending.send import send

    folders = [run if run.is_dir() else run.parent for run in runs]
    results = [load_result(run) for run in runs]  # all are read before the first is sent
    for result, folder in zip(results, folders, strict=True):
        click.echo(send(result, folder), err=True)
