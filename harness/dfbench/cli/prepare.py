"""``dfbench prepare``: from videos to face clips."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dfbench.cli import options
from dfbench.cli.check import printable
from dfbench.cli.options import DatasetCommand, option, with_options

if TYPE_CHECKING:
    from dfbench.catalogue.cards import ClipSpec
    from dfbench.faces.prepare import Prepared


@click.command("prepare", cls=DatasetCommand)
@click.argument("name")
@options.data_root
@options.split_file
@option(
    "--detector",
    default=None,
    help="Whose sampling to prepare for.  [default: 32 single frames a video]",
)
@options.faces
@options.all_faces
@options.boxes_from_original
@options.lossy
@options.limit
@option(
    "--shard",
    default=None,
    metavar="I/N",
    help="Do part I of N: several machines that share a --cache do the whole together.",
)
@options.workers
@option(
    "--backend",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Where the workers run: processes of this machine, or a Ray cluster.",
)
@option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write a contact sheet of crops here (.png): look before you trust.",
)
@options.cache
@options.as_json
def prepare_command(name: str, as_json: bool, **asked: Any) -> None:
    """Turn a dataset's videos into face clips, before any training or on another machine."""
    from dfbench.cli.terminal.display import print_json

    (text,) = with_options(name)
    report = _prepare(text or name, **asked)
    if as_json:
        print_json(report)
        return
    for key, value in report.items():
        shown = (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        click.echo(printable(f"{key}: {shown}"))


def _prepare(
    text: str,
    data_roots: tuple[tuple[str, Path], ...],
    split_files: tuple[tuple[str, Path], ...],
    detector: str | None,
    faces: str | None,
    all_faces: bool,
    boxes_from_original: bool,
    lossy: bool,
    limit: int | None,
    shard: str | None,
    workers: int | None,
    backend: str,
    sheet: Path | None,
    cache: Path | None,
) -> dict[str, Any]:
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli.terminal.display import Terminal
    from dfbench.data.listing import read_dataset
    from dfbench.faces import prepare as preparing
    from dfbench.faces.store import FaceStore
    from dfbench.fanout import default_workers
    from dfbench.places import cache_folder, faces_folder
    from dfbench.running.request import name_roots, name_split_files
    from dfbench.running.videos import find_faces

    known, reporter, place = open_catalogue(), Terminal(), cache_folder(cache)
    part = _shard(shard)
    clip = _clip(detector)
    number = max(default_workers() if workers is None else workers, 1)
    roots = name_roots(options.roots(data_roots), [text], known)
    splits = name_split_files(options.roots(split_files, "--split-file"), [text])
    listing = read_dataset(
        text,
        known,
        roots,
        place,
        at_most=limit,
        workers=number,
        reporter=reporter,
        split_file=next(iter(splits.values()), None),
    )
    reporter.note(listing.note)
    finder = find_faces(faces, listing, listing.records, known, place, all_faces)
    records = preparing.shard(listing.records, *part)
    store = FaceStore(faces_folder(place), lossy)
    begin = time.perf_counter()
    with reporter.task(f"prepare {listing.card.name}", len(records)) as advance:
        done = preparing.prepare(
            records,
            clip,
            finder,
            store,
            number,
            advance,
            boxes_from_original=boxes_from_original,
            backend=backend,
        )
    report = _report(text, done, clip, time.perf_counter() - begin, finder.label)
    if shard:
        report["shard"] = shard
    if sheet is not None:
        from dfbench.faces.sheet import draw

        report["sheet"] = str(draw(done, store, sheet, f"{text}, faces by {finder.label}"))
    return report


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match:
        raise click.UsageError(f"--shard is written I/N, as 1/4, not {text!r}")
    return int(match[1]), int(match[2])


def _clip(detector: str | None) -> ClipSpec:
    from dfbench.catalogue.cards import ClipSpec
    from dfbench.catalogue.names import parse_name
    from dfbench.catalogue.plugins import open_catalogue

    return open_catalogue().detector(parse_name(detector)[0])[1].clip if detector else ClipSpec()


def _report(
    name: str, done: list[Prepared], clip: ClipSpec, seconds: float, faces: str
) -> dict[str, Any]:
    status = Counter(item.status for item in done)
    clips = sum(sum(item.usable) for item in done)
    rate = max(seconds, 1e-9)
    report: dict[str, Any] = {
        "dataset": name,
        "faces": faces,
        "videos": len(done),
        "clips": clips,
        "frames": clips * clip.frames,
        "with a face": f"{status['ok'] / max(len(done), 1):.1%}",
        "status": dict(status),
        "seconds": round(seconds, 2),
        "videos/s": round(len(done) / rate, 2),
        "frames/s": round(clips * clip.frames / rate, 1),
    }
    if shared := sum(item.faces not in ("", faces) for item in done):
        report["faces of the original"] = shared
    for kind in ("missing", "unreadable", "no_face"):
        if found := [item for item in done if item.status == kind]:
            first = found[0]
            report[f"first {kind}"] = f"{first.record.id} {first.detail}".strip()
    if partly := [item for item in done if item.status == "ok" and item.detail]:
        report["partly read"] = len(partly)
        report["first partly read"] = f"{partly[0].record.id} {partly[0].detail}"
    return report


COMMANDS = [prepare_command]
