"""``dfbench data``: where datasets lie, what is in them, how they are split."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dfbench.cli import options
from dfbench.cli.check import check_command
from dfbench.cli.options import DatasetCommand, option, with_options
from dfbench.errors import DataError, ResourceError


@click.group("data")
def data_group() -> None:
    """Where datasets lie, what is in them, how they are split."""


data_group.add_command(check_command)


@data_group.command("root")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
def data_root_command(name: str, folder: Path) -> None:
    """Keep a dataset's folder, so that --data-root need not be given."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.places import keep_data_root

    open_catalogue().dataset(name)
    if not os.path.exists(folder):  # noqa: PTH110 - Path.exists raises where it may not look
        raise DataError(f"{folder} does not exist")
    click.echo(
        f"{name} is looked for in {folder.resolve()} (kept in {keep_data_root(name, folder)})"
    )


@data_group.command("split", cls=DatasetCommand)
@click.argument("name")
@options.data_root
@option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    envvar="DFBENCH_SPLIT_OUT",
    show_envvar=True,  # DFBENCH_OUT is where runs go
    help="The CSV to write, for --split-file.",
)
@option(
    "--val",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.15,
    envvar="DFBENCH_SPLIT_VAL",
    show_envvar=True,
    help="Share of validation.",
)
@option(
    "--test",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.15,
    envvar="DFBENCH_SPLIT_TEST",
    show_envvar=True,  # DFBENCH_TEST is a dataset
    help="Share of the test.",
)
@option("--seed", type=click.IntRange(min=0), default=0, help="Another seed, another split.")
@options.cache
@options.as_json
def data_split_command(
    name: str,
    data_roots: tuple[tuple[str, Path], ...],
    out: Path,
    val: float,
    test: float,
    seed: int,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Write a split of your own: seeded, whole originals, groups and people, classes in proportion.

    It takes the place of the dataset's own where --split-file names it.
    """
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.catalogue.records import SPLITS
    from dfbench.cli.terminal.display import Terminal, plain_table, print_json, stdout
    from dfbench.data.leaks import check_leaks
    from dfbench.data.listing import find_dataset, list_records
    from dfbench.data.splits import count, make_split
    from dfbench.places import cache_folder
    from dfbench.running.request import name_roots

    if val + test >= 1:
        raise click.UsageError(f"--val {val} and --test {test} leave nothing to train on")
    (text,) = with_options(name)
    known, reporter = open_catalogue(), Terminal()
    roots = name_roots(options.roots(data_roots), [text or name], known)
    card, _, settings, root = find_dataset(
        text or name, known, roots, cache_folder(cache), reporter=reporter
    )
    listed = list_records(card, root, settings)
    shares = {"train": 1 - val - test, "val": val, "test": test}
    records = make_split(listed, seed, {split: shares[split] for split in SPLITS})
    note = check_leaks(records, card.name)
    _write(out, [(r.id, r.split, "fake" if r.label else "real", r.method or "") for r in records])
    table = {split: count(r for r in records if r.split == split) for split in SPLITS}
    for split, has in table.items():
        if not (has["real"] and has["fake"]):
            reporter.warn(
                f"{split} has {has['real']} real and {has['fake']} fake videos, and a "
                "run needs both"
            )
    left_out = len(listed) - len(records)
    if as_json:
        print_json({"file": str(out), "splits": table, "left_out": left_out, "note": note})
        return
    rows = [[split, *counts.values()] for split, counts in table.items()]
    stdout().print(plain_table(["split", "videos", "real", "fake"], rows))
    reporter.note(note)
    if left_out:
        reporter.note(f"{left_out} videos are left out: they show people of two splits")
    click.echo(str(out))


def _write(out: Path, rows: list[tuple[str, str | None, str, str]]) -> None:
    import csv
    import io

    from dfbench.files import write_atomic

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "split", "label", "method"])
    writer.writerows(rows)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, text.getvalue().encode())
    except OSError as error:
        raise ResourceError(f"{out} cannot be written: {error.strerror}") from error


COMMANDS = [data_group]
