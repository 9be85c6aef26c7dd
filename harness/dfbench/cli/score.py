"""``dfbench score``: metrics from stored scores, a run's or anyone's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dfbench.cli import options
from dfbench.cli.imports import check_unused, import_command, import_options
from dfbench.cli.options import DatasetCommand

if TYPE_CHECKING:
    from dfbench.evaluate.stored import StoredRun
    from dfbench.results.result import RunResult

WAYS = ("mean", "max", "median", "top-third", "confident", "own")


@click.command("score", cls=DatasetCommand)
@click.argument("runs", nargs=-1, metavar="RUN...")
@options.runs
@click.option(
    "--aggregate",
    "aggregates",
    multiple=True,
    type=click.Choice(WAYS),
    help="From clip scores to a video's; may be repeated.  [default: the run's own]",
)
@click.option(
    "--threshold",
    "rules",
    multiple=True,
    metavar="RULE",
    help="How thresholds are chosen on validation: val (Youden's J), f1, or fprX (X % "
    "false positives at most); may be repeated.  "
    "[default: val f1 fpr1 fpr5 fpr10]",
)
@click.option(
    "--on-missing",
    type=click.Choice(["chance", "exclude"]),
    default=None,
    help="[default: as the run]",
)
@options.draws
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Write ROC, precision-recall and reliability diagrams below this folder.",
)
@import_options
@options.as_json
def score_command(
    runs: tuple[str, ...],
    folder: Path,
    aggregates: tuple[str, ...],
    rules: tuple[str, ...],
    on_missing: Any,
    draws: int,
    plots: Path | None,
    as_json: bool,
    **imported: Any,
) -> None:
    """Compute a run's metrics from its stored scores, another way or just again.

    RUN is a run's folder, or the beginning of its id. Nothing is scored anew and nothing in the
    run changes. All thresholds and calibrations are chosen on validation and carried to the test.

    With --import the scores of a detector that is not here are checked and become a run below
    --runs, which is compared and ranked as any other.
    """
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.display import print_json, stdout
    from dfbench.cli.terminal.scores import print_scores
    from dfbench.evaluate.bootstrap import DRAWS
    from dfbench.evaluate.decide import RULES, check_rule
    from dfbench.evaluate.judgement import judge_again
    from dfbench.evaluate.stored import open_run

    if imported["scores"] is not None:
        if runs or rules or plots or draws != DRAWS:
            raise click.UsageError(
                "--import makes a run, as others are: for other --threshold, "
                "--draws, or --plots, score that one next"
            )
        import_command(folder, aggregates, on_missing, as_json, **imported)
        return
    check_unused(imported)
    if not runs:
        raise click.UsageError("say which run: its folder, or the beginning of its id")
    for rule in rules:
        check_rule(rule)
    opened = [open_run(text, folder) for text in runs]
    report: list[dict[str, Any]] = []
    for run in opened:
        results = {
            run.result.spec.aggregate if name is None else name: judge_again(
                run, open_catalogue().metrics(), name, on_missing, rules or RULES, draws
            )
            for name in aggregates or (None,)
        }
        report.append(
            {
                "run_id": run.result.spec.run_id,
                "folder": str(run.folder),
                "aggregates": {name: _as_json(result) for name, result in results.items()},
            }
        )
        if plots is not None:
            for name, result in results.items():
                _draw(run, result, plots / run.result.spec.run_id / name)
        if not as_json:
            print_scores(results, stdout())
    if as_json:
        print_json({"runs": report})


def _as_json(result: RunResult) -> dict[str, Any]:
    whole = result.to_json()
    return {key: whole[key] for key in ("metrics", "coverage", "chosen", "breakdowns", "mistakes")}


def _draw(run: StoredRun, result: RunResult, place: Path) -> None:
    """Pictures of one run under one aggregate. Raises ResourceError."""
    from dfbench.errors import ResourceError
    from dfbench.plots import curves
    from dfbench.plots.reliability import reliability_figure

    videos = run.scores(result.spec.aggregate)
    figures = curves.curve_figures(result, videos)
    figures["reliability.png"] = reliability_figure(result, videos)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(place / name)
    except OSError as error:
        raise ResourceError(f"{place} cannot be written to: {error.strerror}") from error


COMMANDS = [score_command]
