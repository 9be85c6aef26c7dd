"""``dfbench matrix``: many detectors, trained and tested on many datasets."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dfbench.cli import options
from dfbench.cli.options import DatasetCommand, option, with_options
from dfbench.cli.runs import run_command
from dfbench.errors import OptionError

if TYPE_CHECKING:
    from dfbench.catalogue.plugins import Catalogue
    from dfbench.matrix.cells import Part
    from dfbench.matrix.protocol import Protocol

_OF_RUN = [
    param
    for param in run_command.params
    if param.name not in ("detector", "dataset", "train", "tests", "seed", "as_json")
]
MACHINE = (
    "protocol",
    "jobs",
    "backend",
    "dry_run",
    "as_json",
    "name",
    "device",
    "workers",
    "out",
    "cache",
    "data_roots",
    "again",
    "limit",
)
"""Options that say where and how, and so go together with any protocol."""


@click.command("matrix", cls=DatasetCommand, params=_OF_RUN)
@option(
    "--protocol",
    default=None,
    metavar="NAME|FILE.toml",
    help="Do what a protocol fixes; see dfbench list protocols.",
)
@option("--detector", "detectors", multiple=True, help="NAME or NAME:option=value,…; repeat it.")
@option(
    "--train",
    "trains",
    multiple=True,
    help="Dataset to train on, or none: weights as they are; repeat it.",
)
@option("--test", "tests", multiple=True, help="Dataset to test on; repeat it.")
@option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.IntRange(min=0),
    default=[0],
    help="Repeat it for mean and spread.",
)
@option(
    "--metric",
    "metrics",
    multiple=True,
    default=["video/auc"],
    help="LEVEL/NAME of the table; repeat it for several.",
)
@option(
    "--jobs",
    type=click.IntRange(min=1),
    default=None,
    help="Models at a time.  [default: one a GPU, else 1]",
)
@option(
    "--backend",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Processes of this machine, or a Ray cluster with a shared --out.",
)
@option("--name", default=None, help="Of the folder for table and picture.  [default: a digest]")
@click.option("--dry-run", is_flag=True, help="List the cells and how long they may take.")
@options.as_json
@click.pass_context
def matrix_command(ctx: click.Context, /, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Train every detector on every dataset with every seed, test it on all, and show how it
    generalises. Cells done before are kept; the same command goes on after a stop."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.display import Terminal

    known = open_catalogue()
    jobs, backend, name = asked.pop("jobs"), asked.pop("backend"), asked.pop("name")
    protocol, parts, tests, seeds, metrics = _asked(ctx, known, asked)
    higher = _check(parts, tests, metrics, known)
    if backend == "ray":  # whose workers stand in folders of their own
        parts = [_absolute(part) for part in parts]
    request = parts[0].asked
    from dfbench.cli.terminal import grids
    from dfbench.cli.terminal.jobs import JobBoard, Once, print_dry_run, print_line, start_lines
    from dfbench.matrix.cells import plan_matrix
    from dfbench.matrix.files import asked_of, folder_of, write_matrix
    from dfbench.matrix.sweep import run_matrix
    from dfbench.running.request import check_writable

    check_writable(request.out)
    models = plan_matrix(parts, tests, seeds, known, Once())
    if dry_run:
        sys.exit(print_dry_run(models, jobs or 1, request.out, as_json))
    told = asked_of(parts, tests, seeds, metrics)
    name = name or (protocol and f"{protocol.label}{_limited(request.limit)}")
    folder = folder_of(request.out, name or "", told)
    terminal = Terminal()
    for line in start_lines(models):
        terminal.note(line)
    board = JobBoard(models, terminal)
    with board:
        show = print_line if backend == "ray" else board.show
        outcomes = run_matrix(models, folder / "logs", jobs, backend, show)
    found = grids.gather(outcomes, higher, protocol, request.limit)
    write_matrix(folder, told, outcomes, found.tables, found.compared, found.note)
    grids.print_found(found, folder, as_json)
    sys.exit(any(outcome.result is None for outcome in outcomes))


def _asked(
    ctx: click.Context, known: Catalogue, asked: dict[str, Any]
) -> tuple[Protocol | None, list[Part], tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Parts, tests, seeds and metrics, from a protocol or from the options."""
    name = asked.pop("protocol")
    named = {key: asked.pop(key) for key in ("detectors", "trains", "tests", "seeds", "metrics")}
    asked["data_roots"] = options.roots(asked["data_roots"])
    asked["split_files"] = options.roots(asked["split_files"], "--split-file")
    if name is None:
        return None, *_from_options(asked, known, **named)
    from dfbench.matrix.protocol_file import load_protocol

    protocol = load_protocol(name, known)
    _no_contradiction(ctx, protocol)
    machine = {k: v for k, v in asked.items() if k in (*MACHINE, "precision")}
    trains = {train for entrant in protocol.entrants for train in entrant.trains}
    machine["data_roots"] = _roots(asked, [*trains, *protocol.tests], known)["data_roots"]
    return protocol, protocol.parts(**machine), protocol.tests, protocol.seeds, protocol.metrics


def _from_options(
    asked: dict[str, Any],
    known: Catalogue,
    detectors: tuple[str, ...],
    trains: tuple[str, ...],
    tests: tuple[str, ...],
    seeds: tuple[int, ...],
    metrics: tuple[str, ...],
) -> tuple[list[Part], tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    for what, given in (("--detector", detectors), ("--train", trains), ("--test", tests)):
        if not given:
            raise click.UsageError(f"say {what} NAME, at least once, or --protocol NAME")
    from dfbench.matrix.cells import NONE, Part, dataset_label, detector_label
    from dfbench.running.request import Request

    full = with_options(*trains, *tests)
    labels = [NONE if text in (None, NONE) else dataset_label(str(text), known) for text in full]
    trains = tuple(dict.fromkeys(labels[: len(trains)]))
    tests = tuple(dict.fromkeys(labels[len(full) - len(tests) :]))
    if NONE in tests:
        raise click.UsageError("--test none: there is nothing to test on")
    asked = {**asked, **_roots(asked, [*trains, *tests], known)}
    names = dict.fromkeys(detector_label(text, known) for text in detectors)
    parts = [
        Part(name, Request(detector=name, train=None, tests=tests, **asked), trains)
        for name in names
    ]
    return parts, tests, tuple(dict.fromkeys(seeds)), tuple(dict.fromkeys(metrics))


def _roots(asked: dict[str, Any], names: list[str], known: Catalogue) -> dict[str, Any]:
    from dfbench.matrix.cells import NONE
    from dfbench.running.request import name_roots, name_split_files

    used = [name for name in dict.fromkeys(names) if name != NONE]
    return {
        "data_roots": name_roots(asked["data_roots"], used, known),
        "split_files": name_split_files(asked["split_files"], used),
    }


def _check(
    parts: list[Part], tests: tuple[str, ...], metrics: tuple[str, ...], known: Catalogue
) -> dict[str, bool]:
    """Raise for a name that nobody knows: it is the command's fault, not a cell's. Whether more is
    better, by metric."""
    from dfbench.evaluate.generalisation import check_metric
    from dfbench.running.request import check_names

    for part in parts:
        check_names(replace(part.asked, tests=tests), known)
    return {metric: check_metric(metric, known.metrics()) for metric in metrics}


def _absolute(part: Part) -> Part:
    from dfbench.places import cache_folder

    asked = part.asked
    return replace(
        part,
        asked=replace(asked, out=asked.out.absolute(), cache=cache_folder(asked.cache).absolute()),
    )


def _no_contradiction(ctx: click.Context, protocol: Protocol) -> None:
    """Raise OptionError for an option that was given and is not what the protocol fixes."""
    fixed = {
        "detectors": [e.detector for e in protocol.entrants],
        "trains": protocol.trains,
        "tests": protocol.tests,
        "seeds": protocol.seeds,
        "metrics": protocol.metrics,
        **protocol.settings,
    }
    for param in ctx.command.get_params(ctx):
        key = str(param.name)
        free = key in MACHINE or (key == "precision" and key not in fixed)
        if free or ctx.get_parameter_source(key) in (None, ParameterSource.DEFAULT):
            continue
        value = ctx.params.get(key)
        if key in fixed and (list(value) if isinstance(value, tuple) else value) == (
            list(fixed[key]) if isinstance(fixed[key], list | tuple) else fixed[key]
        ):
            continue
        says = (
            f"fixes {key.replace('_', ' ')} {_told(fixed[key])}"
            if key in fixed
            else ("leaves it to the detectors' cards")
        )
        raise OptionError(
            f"{param.opts[0]} contradicts the protocol {protocol.name}, which {says}: leave it "
            "out, or do without --protocol"
        )


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _limited(limit: int | None) -> str:
    return "" if limit is None else f"-limit-{limit}"


COMMANDS = [matrix_command]
