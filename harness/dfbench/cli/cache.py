"""``dfbench cache``: what lies in the cache, whether the face store is whole, what can go."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dfbench.cli import options
from dfbench.errors import StoreError

if TYPE_CHECKING:
    from dfbench.faces.audit import Entry
    from dfbench.faces.cache import Listing


@click.group("cache")
def cache_group() -> None:
    """Face clips, weights and generated data on this disk."""


@cache_group.command("info")
@options.cache
@options.workers
@options.as_json
def info_command(cache: Path | None, workers: int | None, as_json: bool) -> None:
    """How much of what lies there, and how the face clips were made."""
    from dfbench.cli.terminal.display import Terminal, plain_table, print_json, stdout
    from dfbench.faces.cache import info
    from dfbench.places import cache_folder

    report = info(cache_folder(cache), _processes(workers), Terminal())
    if as_json:
        print_json(report)
        return
    kinds = [
        [kind, about["files"], _human(about["bytes"]), about["folder"]]
        for kind, about in report.items()
        if isinstance(about, dict)
    ]
    stdout().print(plain_table(["kind", "files", "size", "folder"], kinds))
    made = [
        [
            row["faces"] or "?",
            row["reader"] or "?",
            row["quality"] or "?",
            row["files"],
            _human(row["bytes"]),
            ", ".join(f"{n} {name}" for name, n in row["status"].items()),
        ]
        for row in report["faces"]["made with"]
    ]
    if made:
        columns = ["faces", "reader", "quality", "videos", "size", "status"]
        stdout().print(plain_table(columns, made))


@cache_group.command("verify")
@click.option("--mend", is_flag=True, help="Remove damaged files; the next run makes them again.")
@options.cache
@options.workers
@options.as_json
def verify_command(mend: bool, cache: Path | None, workers: int | None, as_json: bool) -> None:
    """Read every file of the face store; exit 1 when one is damaged and was not mended."""
    from dfbench.cli.terminal.display import print_json
    from dfbench.faces.cache import remove
    from dfbench.places import cache_folder, faces_folder

    root = faces_folder(cache_folder(cache))
    found, entries = _look(root, True, workers)
    wrong = [entry for entry in entries if entry.state in ("damaged", "unreadable")]
    mended = [entry for entry in wrong if mend and entry.state == "damaged"]
    remove(root, [entry.file for entry in mended])
    notices = _notices(found, entries)
    if as_json:
        rows = [
            {"file": str(e.file.path), "state": e.state, "why": e.why, "mended": e in mended}
            for e in wrong
        ]
        print_json({"files": len(entries), "wrong": rows, "mended": len(mended), **notices})
    else:
        for entry in wrong:
            end = " (removed: the next run makes it again)" if entry in mended else ""
            click.echo(f"{entry.file.path}: {entry.state}: {entry.why}{end}")
        told = "".join(f"; {name}: {len(paths)}" for name, paths in notices.items() if paths)
        click.echo(f"{len(entries)} files, {len(wrong)} wrong, {len(mended)} mended{told}")
    if left := len(wrong) - len(mended):
        how = "permissions of this cache are wrong" if mend else "`dfbench cache verify --mend`"
        raise StoreError(f"{left} files of the face store in {root} are not whole: {how}")


@cache_group.command("prune")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    default=None,
    help="Also videos that no run has used for so many days.",
)
@click.option(
    "--faces",
    metavar="LABEL",
    default=None,
    help="Also (with --older-than: only) videos done with this face detector, "
    'e.g. yunet, or "yunet 1" for one version.',
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@options.cache
@options.workers
@options.as_json
@click.pass_context
def prune_command(
    ctx: click.Context,
    older_than: float | None,
    faces: str | None,
    dry_run: bool,
    cache: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Remove from the face store what killed runs left, what is damaged, and what is asked for.

    Damage is seen here only where a file cannot be opened; `verify` reads all of it.
    """
    from dfbench.cli.terminal.display import print_json
    from dfbench.faces.cache import remove, to_prune
    from dfbench.places import cache_folder, faces_folder

    if ctx.get_parameter_source("faces") != ParameterSource.COMMANDLINE:
        faces = None  # `faces` in dfbench.toml says what runs use, not what may be deleted
    root = faces_folder(cache_folder(cache))
    gone = to_prune(*_look(root, False, workers), older_than, faces)
    if not dry_run:
        remove(root, [item.file for item in gone])
    size = sum(item.file.size for item in gone)
    if as_json:
        rows = [
            {"file": str(item.file.path), "bytes": item.file.size, "why": item.why} for item in gone
        ]
        print_json({"removed": rows, "bytes": size, "dry_run": dry_run})
        return
    for item in gone:
        click.echo(f"{item.file.path}: {item.why}")
    would = "would remove" if dry_run else "removed"
    click.echo(f"{would} {len(gone)} files, {_human(size)}")


def _look(root: Path, whole: bool, workers: int | None) -> tuple[Listing, list[Entry]]:
    from dfbench.cli.terminal.display import Terminal
    from dfbench.faces.audit import look
    from dfbench.faces.cache import listing

    found = listing(root)
    with Terminal().task("face store", len(found.entries)) as advance:
        return found, look(found.entries, whole, _processes(workers), advance)


def _notices(found: Listing, entries: list[Entry]) -> dict[str, list[Any]]:
    """What is no damage, but worth knowing: paths by kind."""
    return {
        "newer": [str(entry.file.path) for entry in entries if entry.state == "newer"],
        "being written or left over": [str(file.path) for file in found.writing],
        "foreign": [str(path) for path in found.foreign],
    }


def _processes(workers: int | None) -> int:
    import joblib

    return max(int(joblib.cpu_count()) if workers is None else workers, 1)


def _human(size: float) -> str:
    if size < 1000:
        return f"{size:.0f} bytes"
    power = min(int(math.log10(size)) // 3, 4)
    return f"{size / 1000**power:.1f} {' kMGT'[power]}B"


COMMANDS = [cache_group]
