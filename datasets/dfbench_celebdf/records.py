"""Celeb-DF: three folders and the official list of test videos.

The list is held out as it is, also where a file of it is not on disk, so that a lost file never
shrinks the test. What it does not name is trained on, as the dataset's authors do: nearly all test
people, and real videos that a test fake was made from (or the fakes of a test video), are then in
training too. That is the official protocol; the card declares it, and every run counts it.
``strict=true`` leaves out of training what shares an original with the test. Without the test
people there would be the fakes of three people to train on.

Validation is cut from the rest by the person filmed, so an original and its fakes are never in
both. The person whose face was put in may be: in Celeb-DF nearly everyone was swapped with many.

The numbers of the people are taken to be the same in versions 1 and 2, so that a run that trains
on one and tests on the other is stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dfbench import (
    FAKE,
    REAL,
    DataError,
    VideoRecord,
    assign_splits,
    did_you_mean,
    is_video_name,
    named_videos,
    read_text,
)

LIST = "List_of_testing_videos.txt"
METHOD = "celeb-synthesis"
_NAMES = {
    "Celeb-real": (r"id\d+_\d+", "id0_0000.mp4"),
    "YouTube-real": (r"\d+", "00000.mp4"),
    "Celeb-synthesis": (r"id\d+_id\d+_\d+", "id0_id1_0000.mp4"),
}
_FOLDERS = {folder.lower(): folder for folder in _NAMES}

Key = tuple[str, str]
"""A video whatever its ending and case: (folder, name in lower case without its ending)."""


def records(root: Path, strict: bool = False) -> Iterable[VideoRecord]:
    """Raises DataError when ``root`` is not of Celeb-DF's layout, holds a video that is not named
    as its videos are, or the list does not hold."""
    _check_layout(root)
    listed = _read_list(root / LIST)
    paths = {key: root / name for key, name in listed.items()}
    paths.update(_on_disk(root))
    found = {key: _record(key, paths) for key in sorted(paths)}
    test = [replace(found[key], split="test") for key in sorted(listed)]
    rest = [record for key, record in found.items() if key not in listed]
    if strict:
        held = {name for record in test for name in (record.id, record.original)}
        rest = [record for record in rest if (record.original or record.id) not in held]
    return [*assign_splits(rest, {"train": 0.85, "val": 0.15}, tied_by=_filmed), *test]


def _filmed(record: VideoRecord) -> Iterator[tuple[str, str]]:
    yield "group", record.group


def _check_layout(root: Path) -> None:
    lacking = [folder for folder in _NAMES if not (root / folder).is_dir()]
    if len(lacking) == len(_NAMES):
        hint = did_you_mean(root, LIST, *_NAMES)
        raise DataError(f"{root} is not Celeb-DF: no folder {', '.join(_NAMES)} in it.{hint}")
    if lacking:
        raise DataError(f"{root} lacks {' and '.join(lacking)}: get Celeb-DF whole")
    if not (root / LIST).is_file():
        raise DataError(
            f"{root} lacks {LIST}, the official test split: it lies beside the three folders in "
            "the archive you got Celeb-DF in, copy it from there"
        )


def _on_disk(root: Path) -> Iterator[tuple[Key, Path]]:
    for folder, (pattern, like) in _NAMES.items():
        for name, path in named_videos(root / folder, pattern, like).items():
            yield (folder, name), path


def _read_list(file: Path) -> dict[Key, str]:
    """The listed videos and their paths. In the list 1 = real and 0 = fake, which is the reverse
    of dfbench's, and the folder says the same once more: a list turned round is noticed."""
    listed: dict[Key, str] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        words = line.split(maxsplit=1)
        if not words:
            continue
        where = f"{file}, line {number}"
        if len(words) < 2 or words[0] not in ("0", "1"):
            raise DataError(f"{where}: {line.strip()!r} is not 1 (real) or 0 (fake) and a path")
        label, (key, name) = words[0], _place(words[1], where)
        if (label == "1") != (key[0] != "Celeb-synthesis"):
            raise DataError(
                f"{where}: {name} is marked {label}, but 1 = real and 0 = fake in the official "
                "list: take the list of the archive"
            )
        if key in listed:
            raise DataError(f"{where}: {name} is listed twice: take the list of the archive")
        listed[key] = name
    if not listed:  # all test videos would be trained on
        raise DataError(f"{file} lists no videos: take the list of the archive")
    return listed


def _place(name: str, where: str) -> tuple[Key, str]:
    """Key and path of a listed video. Raises DataError unless it is of one of the folders."""
    path = PurePosixPath(name.strip().replace("\\", "/"))
    folder = _FOLDERS.get(path.parent.as_posix().lower(), "")
    stem = path.stem.lower()
    if not folder or not is_video_name(Path(path.name)):
        raise DataError(f"{where}: {name.strip()!r} is no video of {', '.join(_NAMES)}")
    pattern, like = _NAMES[folder]
    if not re.fullmatch(pattern, stem, re.ASCII):
        raise DataError(f"{where}: {name.strip()!r} is not named as {folder}/{like} is")
    return (folder, stem), f"{folder}/{path.name}"


def _record(key: Key, paths: dict[Key, Path]) -> VideoRecord:
    folder, name = key
    *people, number = name.split("_")  # the person filmed, and in a fake the face put in
    fake = folder == "Celeb-synthesis"
    return VideoRecord(
        id=_id(key, paths),
        path=paths[key],
        label=FAKE if fake else REAL,
        group=f"celebdf/{people[0]}" if people else "",
        method=METHOD if fake else None,
        original=_id(("Celeb-real", f"{people[0]}_{number}"), paths) if fake else None,
        identities=tuple(f"celebdf/{person}" for person in people),
    )


def _id(key: Key, paths: dict[Key, Path]) -> str:
    """The path as it is on disk; an original may be neither there nor listed."""
    folder, name = key
    return f"{folder}/{paths[key].name}" if key in paths else f"{folder}/{name}.mp4"
