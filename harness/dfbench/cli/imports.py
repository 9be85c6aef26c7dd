"""``dfbench score --import``: somebody's scores as a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dfbench.cli import options
from dfbench.cli.options import with_options

_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.option(
        "--import",
        "scores",
        type=_FILE,
        default=None,
        metavar="FILE",
        help="Scores of a detector that is not here, as CSV: video,score.",
    ),
    click.option("--dataset", default=None, help="Whose test split they are of."),
    click.option("--name", default=None, help="What their detector is called."),
    click.option(
        "--validation",
        type=_FILE,
        default=None,
        metavar="FILE",
        help="Their scores of the val split, to choose thresholds and calibration on.",
    ),
    click.option(
        "--validation-dataset",
        default=None,
        help="Whose val split those are of.  [default: --dataset]",
    ),
    click.option(
        "--trained-on",
        default=None,
        metavar="NAME",
        help="The dataset their detector was trained on.",
    ),
    click.option(
        "--score-column", default=None, metavar="NAME", help="Which column holds the scores."
    ),
    click.option(
        "--level",
        type=click.Choice(["frame", "clip"]),
        default="clip",
        show_default=True,
        help="What a score is of, where a video has several.",
    ),
    click.option("--logits", is_flag=True, help="The numbers are log-odds: apply the sigmoid."),
    click.option("--turned", is_flag=True, help="The numbers say how real a video is."),
    click.option(
        "--allow-unknown",
        is_flag=True,
        help="Leave out rows of videos that the split does not have.",
    ),
    options.data_root,
    options.split_file,
    options.cache,
)
_OWN = (
    "scores",
    "dataset",
    "name",
    "validation",
    "validation_dataset",
    "trained_on",
    "score_column",
    "logits",
    "turned",
    "allow_unknown",
)
"""Options that mean nothing without ``--import``."""


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` the options of an import; it hands them on to ``import_command``."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def check_unused(asked: dict[str, Any]) -> None:
    """Raise UsageError for an option of an import when there is none."""
    for name in _OWN:
        if asked[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --import FILE")


def import_command(
    out: Path, aggregates: tuple[str, ...], on_missing: Any, as_json: bool, **asked: Any
) -> None:
    """Check the file, write the run, print its metrics."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.display import Terminal, print_json, stdout
    from dfbench.cli.terminal.scores import print_scores
    from dfbench.running.foreign.importing import import_scores

    if len(aggregates) > 1:
        raise click.UsageError("--import takes one --aggregate; score the run that it makes again")
    request = _request(out, aggregates, on_missing, **asked)
    reporter = Terminal()
    result, folder = import_scores(request, open_catalogue(), reporter)
    if as_json:
        print_json({"folder": str(folder), **result.to_json()})
        return
    print_scores({result.spec.aggregate: result}, stdout())
    for note in result.notes:
        reporter.note(note)
    reporter.note(str(folder))


def _request(
    out: Path,
    aggregates: tuple[str, ...],
    on_missing: Any,
    scores: Path,
    dataset: str | None,
    name: str | None,
    validation_dataset: str | None,
    data_roots: tuple[tuple[str, Path], ...],
    split_files: tuple[tuple[str, Path], ...],
    logits: bool,
    turned: bool,
    allow_unknown: bool,
    **asked: Any,
) -> Any:
    from dfbench.running.foreign.check import Reading
    from dfbench.running.foreign.importing import Import

    if dataset is None or name is None:
        missing = "--dataset NAME" if dataset is None else '--name "THEIR DETECTOR"'
        raise click.UsageError(f"--import needs {missing}")
    if validation_dataset is not None and asked["validation"] is None:
        raise click.UsageError("--validation-dataset goes with --validation FILE")
    tested, validated = with_options(dataset, validation_dataset)
    return Import(
        file=scores,
        dataset=tested or dataset,
        name=name,
        validation_dataset=validated,
        reading=Reading(logits, turned, allow_unknown),
        aggregate=(aggregates or ("mean",))[0],
        on_missing=on_missing or "chance",
        data_roots=options.roots(data_roots),
        split_files=options.roots(split_files, "--split-file"),
        out=out,
        **asked,
    )
