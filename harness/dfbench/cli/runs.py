"""``dfbench run``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dfbench.cli import options
from dfbench.cli.options import DatasetCommand, option, with_options


@click.command("run", cls=DatasetCommand)
@option("--detector", required=True, help="NAME or NAME:option=value,…; see dfbench list detectors")
@option("--dataset", default=None, help="Short for --train NAME --test NAME.")
@option("--train", default=None, help="Dataset to train on, or none: weights as they are.")
@option("--test", "tests", multiple=True, help="Dataset to test on; may be repeated.")
@options.data_root
@options.split_file
@option("--weights", default=None, help="A published name or a file to start from.")
@option(
    "--fine-tune", default=None, help="head, all, none, or stages from the top.  [default: card's]"
)
@options.faces
@options.all_faces
@options.boxes_from_original
@options.lossy
@option("--epochs", type=int, default=None, help="[default: the card's]")
@option("--batch-size", type=int, default=None, help="Clips.  [default: the card's]")
@option("--lr", type=float, default=None, help="Learning rate.  [default: the card's]")
@option("--balance/--no-balance", default=None, help="Weight classes alike.  [default: the card's]")
@option(
    "--layer-decay",
    type=float,
    default=None,
    help="Factor on --lr for each stage below the top one.  [default: the card's]",
)
@option(
    "--augment",
    type=click.Choice(["none", "study", "strong", "own"]),
    default=None,
    help="[default: the card's]",
)
@option("--seed", type=click.IntRange(min=0), default=0, help="Of everything random.")
@options.limit
@option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@option(
    "--precision",
    type=click.Choice(["auto", "32", "bf16", "16"]),
    default="auto",
    help="auto: bf16 on a GPU, 32 on a CPU.",
)
@options.workers
@option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Where runs go.")
@options.cache
@option(
    "--on-missing",
    type=click.Choice(["chance", "exclude"]),
    default="chance",
    help="A video without a score counts as 0.5, or is left out.",
)
@options.aggregate
@options.perturb
@option(
    "--confidence",
    default=None,
    metavar="abc[:key=value,…]",
    help="Also say of each clip how far its decision can be trusted: attribution-based "
    "confidence. Takes a few hundred times as long as scoring.",
)
@option("--again", is_flag=True, help="Do a finished run anew.")
@options.as_json
def run_command(
    as_json: bool,
    data_roots: tuple[tuple[str, Path], ...],
    split_files: tuple[tuple[str, Path], ...],
    **asked: Any,
) -> None:
    """Fine-tune a detector on one dataset and evaluate it on others."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.running.request import check_names

    asked["split_files"] = options.roots(split_files, "--split-file")
    request = _request(options.roots(data_roots), **asked)
    check_names(request, open_catalogue())
    from dfbench.cli.terminal.display import Terminal, print_json, print_result, stdout
    from dfbench.cli.terminal.scores import print_robustness
    from dfbench.running.runner import run

    reporter = Terminal()
    results = run(request, open_catalogue(), reporter)
    if as_json:
        print_json({"runs": [result.to_json() for result in results]})
        return
    for result in results:
        if not result.spec.variant:
            print_result(result, stdout())
            reporter.note(str(result.spec.folder(request.out)))
    if request.perturb:
        print_robustness(results, stdout())
        reporter.note(str(results[0].spec.model_folder(request.out)))


def _request(
    roots: dict[str, Path],
    dataset: str | None,
    train: str | None,
    tests: tuple[str, ...],
    **asked: Any,
) -> Any:
    if dataset is not None:
        if train is not None or tests:
            raise click.UsageError("--dataset is short for --train and --test: give either")
        train, tests = dataset, (dataset,)
    if train is None:
        raise click.UsageError(
            "say what to train on: --dataset NAME, --train NAME, or --train none"
        )
    if not tests:
        raise click.UsageError("say what to test on: --test NAME")
    from dfbench.running.request import Request

    train, *named = with_options(train, *tests)
    tests = tuple(name for name in named if name is not None)
    chosen = None if train == "none" else train
    return Request(train=chosen, tests=tuple(dict.fromkeys(tests)), data_roots=roots, **asked)


COMMANDS = [run_command]
