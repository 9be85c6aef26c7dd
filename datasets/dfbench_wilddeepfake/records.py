"""WildDeepfake: ``real_train/<video>/real/<sequence>/<frame>.png`` and its three sisters.

A record is one sequence: the innermost folder that holds pictures. All sequences cut from one
source video are one group, and validation is cut from the official training set by group. The
source video is the folder above ``real/`` or ``fake/``, so it does not matter whether unpacking
put a level in between; ids are always written in the form above. Nothing is published about
people or about the videos the fakes were made from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dfbench import FAKE, IMAGE_ENDINGS, REAL, DataError, VideoRecord, assign_splits, did_you_mean

METHOD = "wild"
FOLDERS = ("real_train", "real_test", "fake_train", "fake_test")
_LABELS = {"real": REAL, "fake": FAKE}
# Into a folder of its own: the number of the source video is the archive's name.
UNPACK = 'for f in */*.tar*; do d="${f%%.tar*}"; mkdir -p "$d" && tar -xf "$f" -C "$d"; done'


def records(root: Path) -> Iterable[VideoRecord]:
    """Raises DataError when ``root`` lacks one of the four folders, or they hold archives that are
    not unpacked, or pictures of which the source video is not known."""
    lacking = [name for name in FOLDERS if not (root / name).is_dir()]
    if len(lacking) == len(FOLDERS):
        hint = did_you_mean(root, *FOLDERS)
        raise DataError(f"{root} is not WildDeepfake: no {', '.join(FOLDERS)} in it.{hint}")
    if lacking:
        raise DataError(f"{root} lacks {' and '.join(lacking)}: get WildDeepfake whole")
    found = {name: list(_read_folder(root, name)) for name in FOLDERS}
    train = [*found["real_train"], *found["fake_train"]]
    test = [*found["real_test"], *found["fake_test"]]
    return [*assign_splits(train, {"train": 0.85, "val": 0.15}, tied_by=_source), *test]


def _source(record: VideoRecord) -> Iterator[tuple[str, str]]:
    yield "group", record.group


def _read_folder(root: Path, name: str) -> Iterator[VideoRecord]:
    _check_unpacked(root, name)
    kind, _, split = name.partition("_")
    for folder in _sequences(root / name):
        video, sequence = _place(root, folder, kind)
        yield VideoRecord(
            id="/".join((name, video, kind, *sequence)),
            path=folder,
            label=_LABELS[kind],
            split="test" if split == "test" else "train",
            group=f"{name}/{video}",
            method=METHOD if kind == "fake" else None,
        )


def _check_unpacked(root: Path, name: str) -> None:
    """An archive without a folder of its name, or with an empty one, has not been unpacked: its
    videos would be lost."""
    archives = sorted(path for path in (root / name).glob("*.tar*") if path.is_file())
    folders = {path: path.with_name(path.name.partition(".tar")[0]) for path in archives}
    packed = [p for p, f in folders.items() if not (f.is_dir() and any(f.iterdir()))]
    if packed:
        raise DataError(
            f"{root / name} has {len(packed)} archives that are not unpacked ({packed[0].name} …): "
            f"unpack them where they lie: cd {root} && {UNPACK}"
        )


def _sequences(folder: Path) -> list[Path]:
    """The folders at or below this one that hold pictures and have none below them that do."""
    below, pictures = [], False
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if Path(entry.name).suffix.lower() in IMAGE_ENDINGS:
                pictures = True
            elif entry.is_dir() and not (entry.is_symlink() and _leads_up(Path(entry.path))):
                below.append(Path(entry.path))
    found = [path for one in sorted(below) for path in _sequences(one)]
    return found or ([folder] if pictures else [])


def _leads_up(link: Path) -> bool:
    return link.parent.resolve().is_relative_to(link.resolve())


def _place(root: Path, folder: Path, kind: str) -> tuple[str, tuple[str, ...]]:
    """The source video of a sequence, and the rest of its path. Raises DataError."""
    parts = folder.relative_to(root).parts[1:]
    other = "fake" if kind == "real" else "real"
    if other in parts:
        raise DataError(f"{folder} says {other}, but lies in a {kind} folder: unpack it again")
    at = parts.index(kind) if kind in parts else 1
    if at == 0 or not parts:
        raise DataError(
            f"{folder} does not say which video it was cut from: unpack each archive into a folder "
            f"of its own: cd {root} && {UNPACK}"
        )
    return parts[at - 1], tuple(part for part in parts[at:] if part != kind)
