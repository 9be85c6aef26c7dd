"""Reading a dataset: from a card and a folder to checked records and their spec."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dfbench.catalogue.cards import DatasetCard, resolve
from dfbench.catalogue.names import Option, fill_options, parse_name
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import SPLITS, Split, VideoRecord
from dfbench.catalogue.reporter import Reporter
from dfbench.data.leaks import check_leaks
from dfbench.data.lists import read_rows
from dfbench.data.splits import limit, make_split
from dfbench.errors import DataError
from dfbench.places import data_folder, data_roots


@dataclass(frozen=True)
class Listing:
    """A dataset as found on disk.

    given: the options the user set; options: all of them. root: the data root, a path of this
    machine that stays out of the spec. own_split: the dataset, or the user, brought its split.
    note: what the leak check compared, and how many videos no split has room for.
    """

    card: DatasetCard
    given: Mapping[str, Option]
    options: Mapping[str, Option]
    root: Path
    records: list[VideoRecord]
    own_split: bool
    note: str

    def of(self, *splits: Split) -> list[VideoRecord]:
        return [record for record in self.records if record.split in splits]


def read_dataset(
    text: str,
    catalogue: Catalogue,
    roots: Mapping[str, Path],
    cache: Path,
    *,
    trained_on: bool = True,
    at_most: int | None = None,
    split_file: Path | None = None,
    workers: int = 1,
    reporter: Reporter | None = None,
) -> Listing:
    """Records of ``name[:key=value,…]``, each with a split, checked for leaks.

    trained_on: False for a dataset that is only tested on; without a split of its own all of it
    is then the test set. split_file: the user's own split in place of any other. at_most:
    ``--limit``. Raises DataError and its kin.
    """
    card, given, options, root = find_dataset(text, catalogue, roots, cache, workers, reporter)
    listed = list_records(card, root, options)
    records = listed if split_file is None else own_splits(listed, split_file)
    own_split = all(record.split is not None for record in records)
    if not own_split:
        if any(record.split is not None for record in records):
            first = next(record for record in records if record.split is None)
            raise DataError(f"{card.name}: some videos have a split and {first.id} has none")
        records = make_split(records) if trained_on else _all_test(records)
    note = check_leaks(records, card.name, "" if split_file else card.overlap)
    if left_out := len(listed) - len(records):
        why = f"not in {split_file.name}" if split_file else "they show people of two splits"
        note += f"; {left_out} of {len(listed)} videos are left out: {why}"
    if at_most is not None:
        records = limit(records, at_most)
    return Listing(card, given, options, root, records, own_split, note)


def find_dataset(
    text: str,
    catalogue: Catalogue,
    roots: Mapping[str, Path],
    cache: Path,
    workers: int = 1,
    reporter: Reporter | None = None,
) -> tuple[DatasetCard, dict[str, Option], dict[str, Option], Path]:
    """What ``name[:key=value,…]`` means here: the card, the options that were set, all of them, and
    the folder. Raises DataError, OptionError, UnknownNameError."""
    name, raw = parse_name(text)
    _, card = catalogue.dataset(name)
    options = fill_options(card.name, card.options, raw)
    given = {key: options[key] for key in raw if options[key] != card.options[key]}
    return card, given, options, _root(card, options, roots, cache, workers, reporter or Reporter())


def _root(
    card: DatasetCard,
    options: Mapping[str, Option],
    roots: Mapping[str, Path],
    cache: Path,
    workers: int,
    reporter: Reporter,
) -> Path:
    """The folder of a dataset: given, kept by ``dfbench data root``, or generated when the dataset
    is made. Raises DataError when it is not known or not there."""
    root = roots.get(card.name) or data_roots().get(card.name)
    root = root and root.absolute()  # workers may stand in another folder, on another machine
    if card.generate is not None:
        name = "-".join([card.folder or card.name, *(f"{k}={v}" for k, v in options.items())])
        root = root or data_folder(cache) / name
        make = resolve(card.generate, f"dataset {card.name!r}")
        make(root, workers=workers or None, reporter=reporter, **options)
        return root
    if root is None:
        raise DataError(
            f"{card.name} needs its folder: --data-root DIR, or keep it with: dfbench data root "
            f"{card.name} DIR. {card.how_to_get}".rstrip()
        )
    if not os.path.exists(root):  # noqa: PTH110 - Path.exists raises where it may not look
        raise DataError(f"the data root {root} of {card.name} does not exist")
    return root


def read_records(
    card: DatasetCard, root: Path, options: Mapping[str, Option]
) -> Iterator[VideoRecord]:
    """What the dataset's plugin gives. Raises DataError also where the disk does not let it."""
    try:
        yield from card.resolve()(root, **options)
    except OSError as error:
        name = error.filename or root
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from error


def list_records(card: DatasetCard, root: Path, options: Mapping[str, Option]) -> list[VideoRecord]:
    """All records of a dataset as its plugin gives them, some, all or none with a split.

    Raises DataError when there are none, or one id stands twice.
    """
    records = list(read_records(card, root, options))
    if not records:
        raise DataError(f"{card.name} finds no videos in {root}. {card.how_to_get}".rstrip())
    twice = [name for name, times in Counter(r.id for r in records).items() if times > 1]
    if twice:
        raise DataError(f"{card.name}: {len(twice)} ids stand twice, the first is {twice[0]!r}")
    return records


def own_splits(records: Sequence[VideoRecord], file: Path) -> list[VideoRecord]:
    """The records that the user's split file lists, each with the split it says.

    The file is a CSV with the columns ``id,split`` (train, val, test). Raises DataError for a
    split of another name, an id listed twice, and one that the dataset does not have.
    """
    splits: dict[str, Split] = {}
    known = {record.id for record in records}
    columns = {"id": ("id", "video"), "split": ("split",)}
    for number, row in read_rows(file, columns):
        where = f"{file}, line {number}"
        name = row["id"].replace("\\", "/")
        if row["split"] not in SPLITS:
            raise DataError(f"{where}: split {row['split']!r} is none of {', '.join(SPLITS)}")
        if name in splits:
            raise DataError(f"{where}: {name} is listed twice")
        if name not in known:
            raise DataError(f"{where}: the dataset has no video {name!r}")
        splits[name] = row["split"]
    if not splits:
        raise DataError(f"{file} lists no videos")
    return [replace(r, split=splits[r.id]) for r in records if r.id in splits]


def _all_test(records: Sequence[VideoRecord]) -> list[VideoRecord]:
    return [replace(record, split="test") for record in records]


def fingerprint(records: Sequence[VideoRecord]) -> str:
    """sha256 (16 digits) over what the records say, how large their files are, and their order:
    training draws by position, so a list in another order is another run."""
    rows = [[r.id, r.label, r.split, r.method, r.original, r.group, _size(r.path)] for r in records]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
