"""``dfbench leaderboard``: a ranked table in the terminal, or as CSV, Markdown or JSON."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ("table", "csv", "markdown", "json")


@click.group("leaderboard", invoke_without_command=True)
@click.option(
    "--runs", multiple=True, type=click.Path(path_type=Path),
    envvar=["DFBENCH_RUNS", "DFBENCH_OUT"],
    help="Folder with runs, at any depth; may be repeated.  [default: what run calls --out]",
)  # fmt: skip
@click.option("--metric", default="video/auc", show_default=True, envvar="DFBENCH_METRIC",
              help="What to rank by: LEVEL/NAME[@0.5|@val], followed by [METHOD] for one kind of "
              "fake.")  # fmt: skip
@click.option("--test", default=None, help="Only runs tested on this dataset.")
@click.option("--format", type=click.Choice(FORMATS), default="table", show_default=True,
              envvar="DFBENCH_FORMAT")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.pass_context
def leaderboard_group(
    ctx: click.Context, runs: tuple[Path, ...], metric: str, test: str | None, format: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Rank finished runs; say which were left out, and why.

    Only runs tested on the same videos in the same way are ranked together, and models trained
    here apart from weights taken as they are.
    """
    if ctx.invoked_subcommand is not None:
        return
    from dfbench_leaderboard import render
    from dfbench_leaderboard.board import make_board

    board = make_board(runs or (_out(ctx),), metric, test)
    if as_json or format == "json":
        click.echo(render.as_json(board))
    elif format == "csv":
        click.echo(render.as_csv(board), nl=False)
        for line in render.left_out_lines(board):
            click.echo(line, err=True)  # stdout is the table and nothing else
    elif format == "markdown":
        click.echo(render.as_markdown(board))
    else:
        from dfbench_leaderboard.terminal import show

        show(board)


def _out(ctx: click.Context) -> Path:
    """Where ``dfbench run`` puts runs, by the configuration file or by default."""
    settings = ctx.find_root().default_map or {}
    return Path(settings.get("run", {}).get("out", "runs"))
