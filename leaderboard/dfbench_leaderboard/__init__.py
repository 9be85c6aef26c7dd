"""The leaderboard: finished runs, ranked where they may be compared. Reads results only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfbench import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def dfbench_commands(cli: click.Group) -> None:
    from dfbench_leaderboard.command import leaderboard_group

    cli.add_command(leaderboard_group)
