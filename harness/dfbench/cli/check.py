"""``dfbench data check``: what is on disk, what is missing, broken or leaking."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dfbench.cli import options
from dfbench.cli.options import DatasetCommand, with_options

if TYPE_CHECKING:
    from rich.console import Console

    from dfbench.data.check import Report
    from dfbench.data.findings import Finding

_STYLES = {"broken": "bold red", "notice": "yellow"}


@click.command("check", cls=DatasetCommand)
@click.argument("name")
@options.data_root
@options.split_file
@click.option("--deep", is_flag=True, help="Decode every frame: hours instead of minutes.")
@options.workers
@options.cache
@options.as_json
def check_command(
    name: str,
    data_roots: tuple[tuple[str, Path], ...],
    split_files: tuple[tuple[str, Path], ...],
    deep: bool,
    workers: int | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Look at a dataset on disk: what is missing, broken or leaking.

    Exit 1 when a rule is broken: a listed video is missing (a class or method of which most is
    missing is a part that was not fetched), unreadable, listed twice, compressed otherwise than
    its folder says, or of the same content as one of another class or split; two splits share a
    video, an original, a group or a person that the card does not declare; the official test list
    was edited. All else is a notice: fewer videos than published, originals that are not on disk,
    declared overlaps, equal files within one class of a split, files that are listed nowhere,
    single damaged frames.
    """
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.display import Terminal, print_json, stdout
    from dfbench.data.check import check_dataset
    from dfbench.fanout import default_workers
    from dfbench.places import cache_folder
    from dfbench.running.request import name_roots, name_split_files

    known = open_catalogue()
    text = with_options(name)[0] or name
    splits = name_split_files(options.roots(split_files, "--split-file"), [text])
    report = check_dataset(
        text,
        known,
        name_roots(options.roots(data_roots), [text], known),
        cache_folder(cache),
        deep=deep,
        split_file=next(iter(splits.values()), None),
        reporter=Terminal(),
        workers=default_workers() if workers is None else max(workers, 1),
    )
    if as_json:
        print_json(report.as_json())
    else:
        print_report(report, stdout())
    sys.exit(1 if report.broken else 0)


def print_report(report: Report, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(f"{report.dataset} in {report.root}")), title_justify="left")
    table.add_column("split")
    table.add_column("class")
    for column in ("on disk", "listed", "published"):
        table.add_column(column, justify="right")
    for row in report.counts:
        published = "" if row.published is None else f"{row.published:,}"
        short = "red" if row.on_disk < row.listed else ""
        table.add_row(
            row.split,
            row.label,
            Text(f"{row.on_disk:,}", style=short),
            f"{row.listed:,}",
            published,
            end_section=row.label == "fake",
        )
    console.print(table)
    codecs = ", ".join(f"{number:,} {codec}" for codec, number in report.codecs.items())
    look = "every frame decoded" if report.deep else "headers read; --deep decodes every frame"
    for line in (
        f"split: {report.split}",
        f"{report.videos:,} videos, {_size(report.size)}, {report.seconds:.1f} s"
        f" ({look}){': ' + codecs if codecs else ''}",
        *report.notes,
    ):
        console.print(Text(line, style="dim"))
    for finding in report.findings:
        _print_finding(finding, console)
    if not report.findings:
        console.print(Text("nothing wrong", style="green"))


def _size(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


def _print_finding(finding: Finding, console: Console) -> None:
    from rich.text import Text

    kind = finding.kind.replace("_", " ")
    line = Text.assemble(
        (finding.severity, _STYLES[finding.severity]),
        f"  {kind} ({finding.count:,})  ",
        printable(finding.text),
    )
    console.print(line, soft_wrap=True)
    for example in finding.examples:
        console.print(Text(f"    {printable(example)}"), soft_wrap=True)
    if finding.count > len(finding.examples):
        console.print(Text("    …", style="dim"))


def printable(text: str) -> str:
    """A file's name may hold what a terminal obeys."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
