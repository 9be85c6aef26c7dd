"""``dfbench compare``, ``agree``, ``ensemble``: several runs on the same videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dfbench.cli import options

WAYS = ("mean", "max", "median", "top-third", "confident", "own")
_runs = click.argument("runs", nargs=-1, metavar="RUN RUN...")
_aggregate = click.option(
    "--aggregate",
    type=click.Choice(WAYS),
    default=None,
    help="From clip scores to a video's, for all runs.  [default: each run's own]",
)


def _opened(runs: tuple[str, ...], folder: Path) -> list[Any]:
    from dfbench.evaluate.stored import open_run

    if len(runs) < 2:
        raise click.UsageError("say which runs: two folders, or beginnings of ids, or more")
    return [open_run(text, folder) for text in runs]


@click.command("compare")
@_runs
@options.runs
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    default=("video/auc",),
    show_default=True,
    help="[video/]NAME[@RULE], e.g. f1@val or ece@temperature; may be repeated.",
)
@_aggregate
@options.draws
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "markdown"]),
    default="table",
    show_default=True,
)
@options.as_json
def compare_command(
    runs: tuple[str, ...],
    folder: Path,
    metrics: tuple[str, ...],
    aggregate: str | None,
    draws: int,
    form: str,
    as_json: bool,
) -> None:
    """Tell whether detectors differ, on the same videos, and what difference could be seen.

    RUN is a run's folder, or the beginning of its id. Runs that differ only in seed are one
    contender; with two seeds or more the tests know of both sources of chance, the test videos
    and the training. P-values are corrected for the number of pairs (Holm).
    """
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.comparisons import as_csv, as_markdown, print_comparison, to_json
    from dfbench.cli.terminal.display import print_json, stdout
    from dfbench.evaluate.contenders import ask, make_table
    from dfbench.evaluate.paired import compare

    table = make_table(_opened(runs, folder), aggregate)
    if len(table.contenders) < 2:
        raise click.UsageError("these runs differ only in seed: name another detector's run")
    cards = open_catalogue().metrics()
    asked = [ask(table, metric, cards) for metric in dict.fromkeys(metrics)]
    found = [compare(table, one, draws=draws) for one in asked]
    if as_json:
        print_json({"comparisons": [to_json(one) for one in found]})
    elif form == "csv":
        click.echo(as_csv(found), nl=False)
    elif form == "markdown":
        click.echo(as_markdown(found))
    else:
        for one in found:
            print_comparison(one, stdout())


@click.command("agree")
@_runs
@options.runs
@_aggregate
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write a heat map of the rank correlations (.png).",
)
@options.as_json
def agree_command(
    runs: tuple[str, ...], folder: Path, aggregate: str | None, picture: Path | None, as_json: bool
) -> None:
    """Tell how alike detectors decide: correlation of scores, equal decisions, kappa.

    Real and fake videos are told apart, since the label alone makes detectors agree.
    """
    from dfbench.cli.terminal.comparisons import agreement_json, print_agreement
    from dfbench.cli.terminal.display import print_json, stdout
    from dfbench.errors import ResourceError
    from dfbench.evaluate.agree import agreement
    from dfbench.evaluate.contenders import make_table

    table = make_table(_opened(runs, folder), aggregate)
    names = _names(table)
    found = agreement(table)
    if picture is not None:
        from dfbench.plots.agree import agreement_figure

        try:
            picture.parent.mkdir(parents=True, exist_ok=True)
            agreement_figure(names, found).savefig(picture)
        except OSError as error:
            raise ResourceError(f"{picture} cannot be written: {error.strerror}") from error
    if as_json:
        print_json(agreement_json(names, found))
    else:
        print_agreement(names, found, stdout())


def _names(table: Any) -> list[str]:
    """What each run is called, in the table's order: with its seed where it has several."""
    names = [""] * len(table.scores)
    for contender in table.contenders:
        for run, place in zip(contender.runs, contender.places, strict=True):
            seed = f", seed {run.result.spec.seed}" if len(contender.runs) > 1 else ""
            names[place] = contender.name + seed
    return names


@click.command("ensemble")
@_runs
@click.option("--name", required=True, help="What the ensemble is called.")
@options.runs
@options.as_json
def ensemble_command(runs: tuple[str, ...], name: str, folder: Path, as_json: bool) -> None:
    """Average the calibrated scores of several runs into one more run.

    Each run's video scores are calibrated on its own validation (temperature) before the mean is
    taken. The ensemble becomes a run below --runs that is compared and ranked as any other.
    """
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.display import Terminal, print_json, print_result, stdout
    from dfbench.running.ensemble import make_ensemble

    reporter = Terminal()
    result, place = make_ensemble(_opened(runs, folder), name, folder, open_catalogue(), reporter)
    if as_json:
        print_json({"folder": str(place), **result.to_json()})
        return
    print_result(result, stdout())
    reporter.note(str(place))


COMMANDS = [compare_command, agree_command, ensemble_command]
