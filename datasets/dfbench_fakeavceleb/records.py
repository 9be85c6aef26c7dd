"""FakeAVCeleb: one video of each of 500 people, and what was made of it.

``<category>/<race>/<men or women>/<person>/<file>.mp4`` in four categories, RealVideo-RealAudio to
FakeVideo-FakeAudio. The label is the picture's, since a detector here sees no sound: a real video
with a cloned voice is real. ``meta_data.csv`` says whose faces went into a video, some of which
only its file name tells. A video is a record when the list names it or it lies on disk.

There is no official split: the harness divides the people.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dfbench import FAKE, REAL, DataError, VideoRecord, did_you_mean, read_rows, videos_below

LIST = "meta_data.csv"
UNTOUCHED = "RealVideo-RealAudio"
LABELS = {
    UNTOUCHED: REAL,
    "RealVideo-FakeAudio": REAL,
    "FakeVideo-RealAudio": FAKE,
    "FakeVideo-FakeAudio": FAKE,
}
_DEPTH = 5
"""A video's place is category/race/gender/person/file."""
_COLUMNS = ("source", "target1", "target2", "method", "type", "race", "gender", "path")
_PERSON = re.compile(r"id\d+", re.ASCII)
_IN_NAME = re.compile(r"(?<![^_])id\d{5}(?![^_])", re.ASCII)

Key = tuple[str, str, str]
"""(category, person, file), with the file's ending in lower case."""


@dataclass
class Entry:
    """A video: where it lies or should, the people the list names, and what made it."""

    place: str
    path: Path
    people: set[str] = field(default_factory=set)
    generators: set[str] = field(default_factory=set)


def records(root: Path) -> Iterable[VideoRecord]:
    """Raises DataError when ``root`` is not of FakeAVCeleb's layout, lacks a category, or the
    list does not hold or is of other videos."""
    if not any((root / category).is_dir() for category in LABELS):
        hint = did_you_mean(root, *LABELS)
        raise DataError(f"{root} is not FakeAVCeleb: none of {', '.join(LABELS)} in it.{hint}")
    if not (root / LIST).is_file():
        raise DataError(
            f"{root} lacks {LIST}, which says whose faces were used: it is given out with "
            "FakeAVCeleb, copy it from there"
        )
    listed = read_list(root)
    found = _on_disk(root)
    _check(root, listed, found)
    for key, path in found.items():
        entry = listed.setdefault(key, Entry("", path))
        entry.place, entry.path = path.relative_to(root).as_posix(), path
    originals: dict[str, list[str]] = defaultdict(list)
    for (category, person, _), entry in listed.items():
        if category == UNTOUCHED:
            originals[person].append(entry.place)
    return [_record(key, entry, originals) for key, entry in sorted(listed.items())]


def read_list(root: Path) -> dict[Key, Entry]:
    """The videos of ``meta_data.csv``. It lists some twice, as made by two methods: they are one
    video. Raises DataError when a line does not hold."""
    file = root / LIST
    listed: dict[Key, Entry] = {}
    for number, row in read_rows(file, {name: (name,) for name in _COLUMNS}):
        category, person = row["type"], row["source"]
        if category not in LABELS or not _PERSON.fullmatch(person):
            raise DataError(
                f"{file}, line {number}: {category!r} of {person!r} is none of {', '.join(LABELS)} "
                "of a person such as id00076"
            )
        place = "/".join((category, row["race"], row["gender"], person, row["path"]))
        parts = PurePosixPath(place.replace("\\", "/")).parts
        if len(parts) != _DEPTH or {".", ".."} & set(parts) or "\0" in place:
            raise DataError(f"{file}, line {number}: {place!r} is no place of a video")
        path = root / place
        entry = listed.setdefault((category, person, _file(path)), Entry(place, path))
        entry.people |= {t for t in (row["target1"], row["target2"]) if _PERSON.fullmatch(t)}
        entry.generators |= {row["method"]} - {"-", ""}
    return listed


def _file(path: Path) -> str:
    return path.stem + path.suffix.lower()


def _on_disk(root: Path) -> dict[Key, Path]:
    """Videos that lie at the depth of a person's."""
    found: dict[Key, Path] = {}
    for category in LABELS:
        for path in videos_below(root / category):
            parts = path.relative_to(root).parts
            if len(parts) != _DEPTH:
                continue
            other = found.setdefault((category, parts[3], _file(path)), path)
            if other is not path:
                raise DataError(f"{other} and {path} are one video: move one of them away")
    return found


def _check(root: Path, listed: Mapping[Key, Entry], found: Mapping[Key, Path]) -> None:
    lacking = sorted({key[0] for key in listed} - {key[0] for key in found})
    if lacking:
        raise DataError(
            f"{root} has no videos in {' and '.join(lacking)}, which {LIST} lists: get FakeAVCeleb "
            "whole"
        )
    if not listed.keys() & found.keys():
        raise DataError(f"{root / LIST} names none of the videos in {root}: take the one of v1.2")


def _record(key: Key, entry: Entry, originals: Mapping[str, list[str]]) -> VideoRecord:
    category, person, file = key
    _, race, sex, *_ = entry.place.split("/")
    others = (entry.people | set(_IN_NAME.findall(Path(file).stem))) - {person}
    about = {"race": race, "sex": sex, "category": category}
    if entry.generators:
        about["generator"] = "+".join(sorted(entry.generators))
    fake = LABELS[category] == FAKE
    made_from = originals.get(person, [])
    return VideoRecord(
        id=entry.place,
        path=entry.path,
        label=LABELS[category],
        group=_name(person),
        method=category if fake else None,
        original=made_from[0] if fake and len(made_from) == 1 else None,
        identities=tuple(_name(id) for id in (person, *sorted(others))),
        attributes=about,
    )


def _name(person: str) -> str:
    """The ids are VoxCeleb2's, which other datasets of its videos keep as well."""
    return f"voxceleb2/{person}"
