"""``dfbench leaderboard``: a ranked table in the terminal or as a file, and the commands below it:
``build`` and ``serve`` a site, ``submit`` a run, ``verify`` one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dfbench_leaderboard.submissions.commands import submit_command, verify_command

if TYPE_CHECKING:
    from dfbench_leaderboard.rows.board import Board
    from dfbench_leaderboard.site.build import Built

FORMATS = ("table", "csv", "markdown", "latex", "json")


def where_runs_are(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where runs are, and which of them to take."""
    for option in reversed(
        [
            click.option(
                "--runs",
                multiple=True,
                type=click.Path(path_type=Path),
                envvar=["DFBENCH_RUNS", "DFBENCH_OUT"],
                help="Folder with runs and submissions, at any depth; may be repeated.  "
                "[default: what run calls --out, unless --mlflow is given]",
            ),
            click.option(
                "--mlflow",
                multiple=True,
                metavar="URI",
                envvar="DFBENCH_MLFLOW",
                help="A tracking server to collect runs from; may be repeated.",
            ),
            click.option(
                "--experiment",
                multiple=True,
                metavar="NAME",
                help="An experiment there; may be repeated.  [default: all of dfbench's]",
            ),
            click.option(
                "--metric",
                default="video/auc",
                show_default=True,
                envvar="DFBENCH_METRIC",
                help="What to rank by: LEVEL/NAME[@0.5|@val], followed by [METHOD] for one "
                "kind of fake.",
            ),
            click.option("--test", default=None, help="Only runs tested on this dataset."),
        ]
    ):
        command = option(command)
    return command


@click.group("leaderboard", invoke_without_command=True)
@where_runs_are
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    envvar="DFBENCH_FORMAT",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.pass_context
def leaderboard_group(
    ctx: click.Context,
    runs: tuple[Path, ...],
    mlflow: tuple[str, ...],
    experiment: tuple[str, ...],
    metric: str,
    test: str | None,
    format: str,
    as_json: bool,
) -> None:
    """Rank finished runs; say which were left out, and why.

    Every value shown is computed again from the stored scores; a run whose result says otherwise
    is rejected. Only runs tested on the same videos in the same way are ranked together, and
    models trained here apart from weights taken as they are. Seeds of one model are one row.
    """
    if ctx.invoked_subcommand is not None:
        return
    from dfbench_leaderboard.forms import render
    from dfbench_leaderboard.rows.board import make_board

    board = make_board(sources(ctx, runs, mlflow, experiment), metric, test)
    if as_json or format == "json":
        click.echo(render.as_json(board))
    elif format == "table":
        from dfbench_leaderboard.forms.terminal import show

        show(board)
    elif format == "markdown":  # has room for what was left out
        click.echo(render.as_markdown(board))
    else:
        click.echo(_text(board, format), nl=False)
        for line in render.left_out_lines(board):
            click.echo(line, err=True)  # stdout is the table and nothing else


def _text(board: Board, format: str) -> str:
    if format == "csv":
        from dfbench_leaderboard.forms.render import as_csv

        return as_csv(board)
    from dfbench_leaderboard.forms.latex import as_latex

    return as_latex(board)


def how_to_build(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a site."""
    for option in reversed(
        [
            where_runs_are,
            click.option(
                "--title",
                default="Deepfake detectors",
                show_default=True,
                help="What the site is called.",
            ),
            click.option(
                "--data-root",
                multiple=True,
                metavar="NAME=DIR",
                help="Where a dataset lies: runs on it are compared with its own labels.",
            ),
        ]
    ):
        command = option(command)
    return command


@leaderboard_group.command("build")
@how_to_build
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    help="Folder of the site; a site that lies there is replaced.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: what was built.")
@click.pass_context
def build_command(ctx: click.Context, /, out: Path, as_json: bool, **asked: Any) -> None:
    """Build the leaderboard as a site of plain files, to open from the disk or put on any host.

    It needs no network and no server. Every value shown is computed again from the stored scores;
    what was rejected or left out is listed with the reason.
    """
    import json

    built = _builder(ctx, out, asked)()
    line = f"{built.line()}; open {built.out}/index.html"
    click.echo(json.dumps(built.to_json()) if as_json else line)


@leaderboard_group.command("serve")
@how_to_build
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0 takes any that is free.",
)
@click.pass_context
def serve_command(ctx: click.Context, /, port: int, **asked: Any) -> None:
    """Show the site on this machine alone, and build it anew when runs change."""
    import tempfile

    from dfbench_leaderboard.site.serve import serve

    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        build = _builder(ctx, site, asked)
        places = sources(ctx, asked["runs"], asked["mlflow"], asked["experiment"])
        serve(
            lambda: build().line(),
            places.files,
            site,
            port,
            lambda line: click.echo(line, err=True),
        )


def _builder(ctx: click.Context, out: Path, asked: Mapping[str, Any]) -> Callable[[], Built]:
    from dfbench_leaderboard.rows.labels import roots_of
    from dfbench_leaderboard.site.build import build

    places = sources(ctx, asked["runs"], asked["mlflow"], asked["experiment"])
    return partial(
        build,
        places,
        out,
        title=asked["title"],
        metric=asked["metric"],
        test=asked["test"],
        data_roots=roots_of(asked["data_root"]),
    )


def sources(
    ctx: click.Context,
    runs: tuple[Path, ...],
    mlflow: tuple[str, ...],
    experiments: tuple[str, ...],
) -> Any:
    from dfbench_leaderboard.rows.sources import Sources

    return Sources(runs or (() if mlflow else (default_runs(ctx),)), mlflow, experiments)


def default_runs(ctx: click.Context) -> Path:
    """Where ``dfbench run`` puts runs, by the configuration file or by default."""
    settings = ctx.find_root().default_map or {}
    return Path(settings.get("run", {}).get("out", "runs"))


for _command in (submit_command, verify_command):
    leaderboard_group.add_command(_command)
