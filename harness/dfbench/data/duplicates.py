"""Looking at many files in parallel, and finding those whose contents are equal."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from dfbench.catalogue.records import VideoRecord
from dfbench.catalogue.reporter import Advance, Reporter
from dfbench.data.findings import WORDS, Finding, broken, notice
from dfbench.fanout import fan_out
from dfbench.video.fingerprint import fingerprint
from dfbench.video.pictures import picture_files

BATCH = 64
"""Files in one parallel task: enough to hide what a task costs."""
_CHUNK = 1 << 20

T = TypeVar("T")
Item = tuple[str, Path]


def in_parallel(
    function: Callable[[Path], T], items: Sequence[Item], workers: int, size: int, advance: Advance
) -> Iterator[tuple[str, T]]:
    """(id, what ``function`` makes of the path), in whatever order they are done.

    Raises ResourceError when a process was killed.
    """
    batches = [items[i : i + size] for i in range(0, len(items), size)]
    for done in fan_out(partial(_each, function), batches, workers):
        yield from done
        advance(len(done))


def _each(function: Callable[[Path], T], items: Sequence[Item]) -> list[tuple[str, T]]:
    return [(id, function(path)) for id, path in items]


def same_content(
    records: Sequence[VideoRecord], sizes: Mapping[str, int], workers: int, reporter: Reporter
) -> list[list[VideoRecord]]:
    """Groups of records whose files are equal: of those of one size (``sizes``, by id) both ends
    are compared, and of those still alike all of it."""
    groups = _alike(records, sizes)
    for function in (_ends, _whole):
        items = [(record.id, record.path) for group in groups for record in group]
        if not items:
            break
        with reporter.task("compare contents", len(items)) as advance:
            seen = {
                key: value
                for key, value in in_parallel(function, items, workers, BATCH, advance)
                if value
            }
        groups = [part for group in groups for part in _alike(group, seen)]
    return groups


def _alike(records: Iterable[VideoRecord], keys: Mapping[str, Hashable]) -> list[list[VideoRecord]]:
    """Groups of two and more with one key; a record without a key is in none."""
    groups: dict[Hashable, list[VideoRecord]] = defaultdict(list)
    for record in records:
        if record.id in keys:
            groups[keys[record.id]].append(record)
    return [group for group in groups.values() if len(group) > 1]


def _ends(path: Path) -> str:
    try:
        return fingerprint(path)
    except OSError:  # gone meanwhile, or on a disk that fails: equal to nothing
        return ""


def _whole(path: Path) -> str:
    sha = hashlib.sha256()
    try:
        for part in picture_files(path) if path.is_dir() else [path]:
            with part.open("rb") as file:
                while data := file.read(_CHUNK):
                    sha.update(data)
    except OSError:
        return ""
    return sha.hexdigest()


def duplicates(same: Iterable[Sequence[VideoRecord]]) -> Iterator[Finding]:
    """What groups of records with equal files mean for a benchmark."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for group in same:
        across = (
            "classes"
            if len({r.label for r in group}) > 1
            else ("splits" if len({r.split for r in group} - {None}) > 1 else "")
        )
        kinds[across].append(_equal(group))
    yield from broken(
        "duplicate",
        "one content is listed as real and as fake; find out which it is",
        kinds["classes"],
        "across_classes",
    )
    yield from broken(
        "duplicate",
        "one content lies in two splits; delete one, or give both one group",
        kinds["splits"],
        "across_splits",
    )
    yield from notice(
        "duplicate",
        "one content under several names counts more than once",
        kinds[""],
        "same_class",
    )


def _equal(group: Sequence[VideoRecord]) -> str:
    names = [f"{r.id} ({r.split or 'no split'}, {WORDS[r.label]})" for r in group]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return " = ".join(names[:3]) + more
