"""``dfbench prepare`` and ``dfbench data``: videos on this disk."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dfbench.cli import options
from dfbench.cli.options import option
from dfbench.errors import DataError

if TYPE_CHECKING:
    from dfbench.cards import ClipSpec
    from dfbench.prepare import Prepared


@click.command("prepare")
@click.argument("name")
@options.data_root
@option("--detector", default=None,
        help="Whose sampling to prepare for.  [default: 32 single frames a video]")  # fmt: skip
@options.faces
@options.limit
@options.workers
@options.cache
@options.as_json
def prepare_command(
    name: str,
    data_roots: tuple[tuple[str, Path], ...],
    detector: str | None,
    faces: str | None,
    limit: int | None,
    workers: int | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Turn a dataset's videos into face clips, before any training or on another machine."""
    from dfbench.catalogue import catalogue
    from dfbench.cli.display import Terminal, print_json
    from dfbench.listing import read_dataset
    from dfbench.places import cache_folder, faces_folder
    from dfbench.plan import find_faces
    from dfbench.prepare import default_workers, prepare
    from dfbench.request import name_roots
    from dfbench.store import FaceStore

    known, reporter = catalogue(), Terminal()
    place = cache_folder(cache)
    clip = _clip(detector)
    number = max(default_workers() if workers is None else workers, 1)
    roots = name_roots(options.roots(data_roots), [name], known)
    listing = read_dataset(name, known, roots, place, at_most=limit, workers=number,
                           reporter=reporter)  # fmt: skip
    reporter.note(listing.note)
    finder = find_faces(faces, listing.records, known, place)
    begin = time.perf_counter()
    with reporter.task(f"prepare {name}", len(listing.records)) as advance:
        store = FaceStore(faces_folder(place))
        done = prepare(listing.records, clip, finder, store, number, advance)
    report = _report(name, done, time.perf_counter() - begin, finder.label)
    if as_json:
        print_json(report)
        return
    for key, value in report.items():
        click.echo(f"{key}: {value}")


def _clip(detector: str | None) -> ClipSpec:
    from dfbench.cards import ClipSpec, parse_name
    from dfbench.catalogue import catalogue

    return catalogue().detector(parse_name(detector)[0])[1].clip if detector else ClipSpec()


def _report(name: str, done: list[Prepared], seconds: float, faces: str) -> dict[str, Any]:
    status = Counter(item.status for item in done)
    clips = sum(sum(item.usable) for item in done)
    first = next((item for item in done if item.status != "ok"), None)
    report: dict[str, Any] = {
        "dataset": name, "faces": faces, "videos": len(done), "clips": clips,
        "with a face": f"{status['ok'] / max(len(done), 1):.1%}",
        "status": dict(status), "seconds": round(seconds, 2),
        "videos/s": round(len(done) / max(seconds, 1e-9), 2),
    }  # fmt: skip
    if first is not None:
        report["first without"] = f"{first.record.id}: {first.status} {first.detail}".strip()
    return report


@click.group("data")
def data_group() -> None:
    """Where datasets lie."""


@data_group.command("root")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
def data_root_command(name: str, folder: Path) -> None:
    """Keep a dataset's folder, so that --data-root need not be given."""
    from dfbench.catalogue import catalogue
    from dfbench.places import keep_data_root

    catalogue().dataset(name)
    if not folder.exists():
        raise DataError(f"{folder} does not exist")
    click.echo(
        f"{name} is looked for in {folder.resolve()} (kept in {keep_data_root(name, folder)})"
    )


COMMANDS = [prepare_command, data_group]
