"""``dfbench data check``: a dataset as it lies on this disk, held to the rules in one go.

Where ``read_dataset`` stops at the first thing that would spoil a run, this reads on and
reports everything. Each file is looked at once, in parallel, by its header alone unless a deep look
is asked for; contents are compared only between files of one size.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dfbench.catalogue.cards import DatasetCard
from dfbench.catalogue.names import Option
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.catalogue.reporter import Reporter
from dfbench.data import findings
from dfbench.data.duplicates import BATCH, duplicates, in_parallel, same_content
from dfbench.data.findings import CountRow, Finding
from dfbench.data.listing import find_dataset, own_splits, read_records
from dfbench.data.lists import videos_below
from dfbench.data.splits import make_split
from dfbench.errors import DataError
from dfbench.video.headers import Header, read_header

OWN = "the dataset's own"
_DEEP_BATCH = 4
"""Files in one task that decodes: few, so that no process is left with the longest ones."""


@dataclass(frozen=True)
class Report:
    """What was found. ``split`` says how the videos came to their splits, ``codecs`` how many
    files are coded how, ``size`` is in bytes. ``broken``: at least one rule is."""

    dataset: str
    options: Mapping[str, Option]
    root: str
    split: str
    deep: bool
    videos: int
    size: int
    seconds: float
    codecs: Mapping[str, int]
    counts: tuple[CountRow, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        return any(finding.severity == "broken" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "broken": self.broken}


def check_dataset(
    text: str,
    catalogue: Catalogue,
    roots: Mapping[str, Path],
    cache: Path,
    *,
    deep: bool = False,
    split_file: Path | None = None,
    workers: int = 1,
    reporter: Reporter | None = None,
) -> Report:
    """Look at every file of ``name[:key=value,…]``. ``deep`` decodes every frame; ``split_file`` is
    the user's own split in place of any other.

    Raises DataError where the dataset, or the split file, cannot be read at all, OptionError and
    UnknownNameError for what is asked; nothing that is wrong with a video or a split is raised.
    """
    reporter = reporter or Reporter()
    card, _, options, root = find_dataset(text, catalogue, roots, cache, workers, reporter)
    begin = time.perf_counter()
    listed, twice = _listed(card, root, options)
    records, split, half = _with_splits(listed, split_file)
    headers = _look(listed, deep, workers, reporter, card.name)
    sizes = {id: header.size for id, header in headers.items() if header.size}
    same = same_content(records, sizes, workers, reporter)
    published, notes = _published(card, options, own_split=split == OWN)
    rows = findings.count_rows(records, headers, published)
    found = [
        *twice,
        *half,
        *findings.leaking(records, "" if split_file else card.overlap),
        *findings.against_published(rows),
        *findings.missing(listed, headers),
        *findings.unreadable(listed, headers),
        *duplicates(same),
        *findings.compression(listed, headers),
        *findings.originals(listed, headers),
        *_unlisted(root, listed),
    ]
    found.sort(key=lambda finding: (finding.severity != "broken", -finding.count))
    codecs = Counter(header.codec for header in headers.values() if header.codec)
    return Report(
        card.name,
        options,
        str(root),
        split,
        deep,
        len(listed),
        sum(header.size for header in headers.values()),
        round(time.perf_counter() - begin, 2),
        dict(codecs.most_common()),
        rows,
        tuple(found),
        notes,
    )


def _listed(
    card: DatasetCard, root: Path, options: Mapping[str, Option]
) -> tuple[list[VideoRecord], Iterable[Finding]]:
    """The records, each id once, and what stood twice."""
    listed: dict[str, VideoRecord] = {}
    read = read_records(card, root, options)
    twice = [r.id for r in read if listed.setdefault(r.id, r) is not r]
    if not listed:
        raise DataError(f"{card.name} finds no videos in {root}. {card.how_to_get}".rstrip())
    found = findings.broken(
        "id_twice", "listed twice, so a run would stop; keep one line of each", twice
    )
    return list(listed.values()), found


def _with_splits(
    listed: list[VideoRecord], split_file: Path | None
) -> tuple[list[VideoRecord], str, Iterable[Finding]]:
    """The records with their splits (None for one left out), how they came about, and whether only
    some had one."""
    if split_file is not None:
        why = f"not in {split_file.name}"
        return *_kept(listed, own_splits(listed, split_file), f"from {split_file}", why), ()
    without = [record.id for record in listed if record.split is None]
    if not without:
        return listed, OWN, ()
    if len(without) < len(listed):
        half = findings.broken(
            "half_split",
            "have no split while others have one, so a run would stop; give all one, or none",
            without,
        )
        return listed, "the dataset's own, of some videos only", half
    made = "made by dfbench, nothing shared between train, val and test"
    return *_kept(listed, make_split(listed), made, "they show people of two splits"), ()


def _kept(
    listed: Sequence[VideoRecord], split: Sequence[VideoRecord], how: str, why: str
) -> tuple[list[VideoRecord], str]:
    kept = {record.id: record for record in split}
    out = len(listed) - len(kept)
    told = f"; {out:,} left out: {why}" if out else ""
    return [kept.get(r.id, replace(r, split=None)) for r in listed], how + told


def _published(
    card: DatasetCard, options: Mapping[str, Option], own_split: bool
) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """The published counts that hold here: a card gives those of its default options. How the
    videos are compressed does not change their number."""
    if not card.counts:
        return {}, ()
    if any(options[key] != card.options[key] for key in options if key != "compression"):
        return {}, ("published counts are known for the default options only",)
    return {key: n for key, n in card.counts.items() if own_split or "/" not in key}, ()


def _look(
    records: Sequence[VideoRecord], deep: bool, workers: int, reporter: Reporter, name: str
) -> dict[str, Header]:
    items = [(record.id, record.path) for record in records]
    batch = _DEEP_BATCH if deep else BATCH
    with reporter.task(f"check {name}", len(items)) as advance:
        return dict(in_parallel(partial(read_header, deep=deep), items, workers, batch, advance))


def _unlisted(root: Path, records: Sequence[VideoRecord]) -> Iterator[Finding]:
    """Videos below the root that no record names; of many, the folders they lie in."""
    known = {os.path.normpath(record.path) for record in records}
    below = videos_below(root) if root.is_dir() else ()
    names = [path.relative_to(root) for path in below if os.path.normpath(path) not in known]
    shown = [name.as_posix() for name in names]
    if len(names) > findings.EXAMPLES:
        folders = Counter(name.parent.as_posix() for name in names)
        shown = [f"{folder}/ ({number:,} videos)" for folder, number in folders.most_common()]
    text = "listed nowhere, so no run will use them; of other options, or lacking in the list"
    for finding in findings.notice("unlisted", text, shown):
        yield replace(finding, count=len(names))
