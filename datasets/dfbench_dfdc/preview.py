"""DFDC's preview: ``dataset.json`` says all, with an official train and test set.

Validation is cut from the official training set by the person filmed (``target_id``), never from
the test set. A person whose face was put in (``swapped_id``) may be on two sides: among so few
actors that cannot be avoided, so the card declares it. Which take a fake was made from is not
published; all that shows one person filmed is one group instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dfbench import (
    FAKE,
    REAL,
    DataError,
    Split,
    VideoRecord,
    assign_splits,
    did_you_mean,
    path_inside,
    read_json,
)

LIST = "dataset.json"
_LABELS = {"real": REAL, "fake": FAKE}
_SETS: dict[str, Split] = {"train": "train", "test": "test"}


def records(root: Path) -> Iterable[VideoRecord]:
    """Raises DataError when ``root`` holds no ``dataset.json``, or it does not hold."""
    file = root / LIST
    if not file.is_file():
        hint = did_you_mean(root, LIST)
        raise DataError(f"{root} is not DFDC's preview: no {LIST} in it.{hint}")
    listed = read_json(file, dict)
    found = [_record(file, name, entry) for name, entry in sorted(listed.items())]
    train = [record for record in found if record.split == "train"]
    test = [record for record in found if record.split == "test"]
    return [*assign_splits(train, {"train": 0.85, "val": 0.15}, tied_by=_filmed), *test]


def _filmed(record: VideoRecord) -> Iterator[tuple[str, str]]:
    yield "group", record.group


def _record(file: Path, name: str, entry: Any) -> VideoRecord:
    where = f"{file}: {name!r}"
    if not isinstance(entry, dict):
        raise DataError(f"{where} has no table of what is known about it")
    label = _LABELS[_one_of(_LABELS, entry, "label", where)]
    split = _SETS[_one_of(_SETS, entry, "set", where)]
    target, swapped = _person(entry, "target_id", where), _person(entry, "swapped_id", where)
    if target is None or (label == FAKE and swapped is None):
        lacking = "target_id" if target is None else "swapped_id"
        raise DataError(f"{where} has no {lacking}: get the file again")
    try:
        path = path_inside(file.parent, name)
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    name = name.replace("\\", "/").removeprefix("./")
    people = [target] if label == REAL or swapped is None else [target, swapped]
    return VideoRecord(
        id=name,
        path=path,
        label=label,
        split=split,
        group=target,
        method=name.partition("/")[0] if label == FAKE else None,
        identities=tuple(dict.fromkeys(people)),
        attributes={"augmentation": _augmentation(entry, where)},
    )


def _one_of(known: Iterable[str], entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in known:
        raise DataError(f"{where} has the {key} {value!r}, none of {', '.join(known)}")
    return text


def _person(entry: dict[str, Any], key: str, where: str) -> str | None:
    value = entry.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{where} has the {key} {value!r}, which is no person's number")
    return f"dfdc-preview/{value}"


def _augmentation(entry: dict[str, Any], where: str) -> str:
    value = entry.get("augmentations") or []
    if not isinstance(value, list):
        raise DataError(f"{where} has augmentations that are no list: {value!r}")
    return "+".join(map(str, value)) or "none"
