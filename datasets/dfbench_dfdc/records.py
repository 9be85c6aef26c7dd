"""DFDC's main set: parts with a ``metadata.json`` each, and the official test set.

Parts do not share people, so the usual split goes by part: 0-34 train, 35-39 validation, 40-49
test. Where only some parts are there and one of the three would be empty, or the root is a single
part or Kaggle's ``train_sample_videos``, no split is given and the harness makes one that keeps
an original and its fakes together.

With ``test=official`` the test is the official set (a folder with ``labels.csv`` in the root) and
parts 40-49 are left out: training and validation are then the same videos whichever test is
asked for, so the two numbers can be compared. A root that holds the official set alone is test as
a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dfbench import (
    FAKE,
    REAL,
    SPLITS,
    DataError,
    Split,
    VideoRecord,
    assign_splits,
    choose_option,
    did_you_mean,
    path_inside,
    read_json,
)
from dfbench_dfdc import official

_PART = re.compile(r"dfdc_train_part_0*(\d+)$")
_LABELS = {"REAL": REAL, "FAKE": FAKE}

Parts = list[tuple[int | None, Path]]
"""(number, folder with a ``metadata.json``); the number is None where it is not known."""


def records(root: Path, test: str = "parts") -> Iterable[VideoRecord]:
    """Raises DataError when ``root`` is not of DFDC's layout, or a list does not hold; OptionError
    for another ``test``."""
    test = choose_option("test", test, ("parts", "official"))
    parts = _parts(root)
    if parts and test == "parts":
        return _by_part(parts)
    labels = official.find(root)
    if labels is None:
        raise DataError(_no_test(root) if parts else _no_dfdc(root))
    return [*_for_training(parts), *official.read(labels)]


def _by_part(parts: Parts) -> list[VideoRecord]:
    found = [record for number, folder in parts for record in _read_part(folder, split_of(number))]
    if {record.split for record in found} >= set(SPLITS):
        return found
    return [replace(record, split=None) for record in found]


def _for_training(parts: Parts) -> list[VideoRecord]:
    """Parts 0-39 by part, or by original where that would leave train or validation empty."""
    kept = [(number, folder) for number, folder in parts if split_of(number) != "test"]
    found = [record for number, folder in kept for record in _read_part(folder, split_of(number))]
    if {record.split for record in found} == {"train", "val"}:
        return found
    return assign_splits(found, {"train": 0.85, "val": 0.15})


def split_of(part: int | None) -> Split | None:
    """The usual split of a part."""
    if part is None:
        return None
    return "train" if part < 35 else "val" if part < 40 else "test"


def _parts(root: Path) -> Parts:
    """The parts in ``root`` or its ``train/``, none where there are none. Kaggle's archives nest a
    part in one of its name."""
    if (root / "metadata.json").is_file() and not (root / official.LABELS).is_file():
        return [(None, root)]
    numbered: Parts = []
    for folder in sorted([*root.glob("dfdc_train_part_*"), *root.glob("train/dfdc_train_part_*")]):
        match = _PART.match(folder.name)
        if not match or not folder.is_dir():
            continue
        places = [folder, *sorted(folder.glob("dfdc_train_part_*"))]
        listed = [place for place in places if (place / "metadata.json").is_file()]
        if not listed:
            raise DataError(f"{folder} has no metadata.json: get the part whole, or move it away")
        numbered.append((int(match[1]), listed[0]))
    return sorted(numbered, key=lambda part: part[0] or 0)


def _no_dfdc(root: Path) -> str:
    deeper = sorted(root.glob("*/*/metadata.json")) or sorted(root.glob("*/metadata.json"))
    hint = f" Did you mean {_base(deeper[0].parent)}?" if deeper else ""
    return (
        f"{root} is not DFDC: no metadata.json in it, no dfdc_train_part_N/metadata.json and no "
        f"official {official.LABELS} below it.{hint or did_you_mean(root, official.LABELS)}"
    )


def _no_test(root: Path) -> str:
    return (
        f"test=official needs the official test set: put it with its {official.LABELS} into a "
        f"folder of {root}, for example {root / 'test'}"
    )


def _base(part: Path) -> Path:
    return part.parent if _PART.match(part.name) else part


def _read_part(folder: Path, split: Split | None) -> Iterator[VideoRecord]:
    file = folder / "metadata.json"
    for name, entry in read_json(file, dict).items():
        yield _record(file, folder, name, entry, split)


def _record(file: Path, folder: Path, name: str, entry: Any, split: Split | None) -> VideoRecord:
    label = entry.get("label") if isinstance(entry, dict) else None
    if not isinstance(label, str) or label not in _LABELS:
        raise DataError(f"{file}: {name!r} has the label {label!r}, neither REAL nor FAKE")
    original = entry.get("original")
    if original is not None and not isinstance(original, str):
        raise DataError(f"{file}: {name!r} names an original that is no text: {original!r}")
    try:
        path = path_inside(folder, name)
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    fake = _LABELS[label] == FAKE
    name, original = _id(name), _id(original or "") or None
    return VideoRecord(
        id=name,
        path=path,
        label=_LABELS[label],
        split=split,
        group=original if fake and original else name,
        method="dfdc" if fake else None,  # DFDC does not say how a fake was made
        original=original if fake else None,
    )


def _id(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")
