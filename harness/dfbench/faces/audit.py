"""Looking into the files of the face store: what each holds, and whether it is whole."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from dfbench.catalogue.reporter import Advance
from dfbench.errors import StoreError
from dfbench.faces import codec as crops
from dfbench.faces.file import DAMAGE, StoredVideo, StoredWindow, describe
from dfbench.fanout import fan_out

_BATCH = 64  # files in one parallel task: a process a file would take hours for 100,000
_FEW = 8  # batches that are done before other processes would have started

State = Literal["ok", "damaged", "newer", "unreadable", "gone"]


@dataclass(frozen=True)
class File:
    """A file and what the disk says of it; ``used`` is seconds since 1970, right to a day."""

    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class Entry:
    """One file of the store after a look into it; ``why`` where it is not ``ok``. The labels are
    empty where it could not be read."""

    file: File
    state: State
    why: str = ""
    faces: str = ""
    reader: str = ""
    quality: str = ""
    status: str = ""


def look(
    files: Sequence[File], whole: bool, workers: int = 1, advance: Advance = lambda _: None
) -> list[Entry]:
    """Look into every file, in parallel; entries in the order of ``files``, those that are gone
    by then left out. ``whole`` reads every byte, else only what the file says of itself."""
    batches = [files[i : i + _BATCH] for i in range(0, len(files), _BATCH)]
    jobs = workers if len(batches) > _FEW else 1
    found: list[Entry] = []
    for entries in fan_out(partial(_look_at_each, whole=whole), batches, jobs, in_order=True):
        found += [entry for entry in entries if entry.state != "gone"]
        advance(len(entries))
    return found


def _look_at_each(files: Sequence[File], whole: bool) -> list[Entry]:
    return [look_at(file, whole) for file in files]


def look_at(file: File, whole: bool) -> Entry:
    """Look into one file of the store; never an exception."""
    try:
        opened = file.path.open("rb")
    except FileNotFoundError:
        return Entry(file, "gone")
    except OSError as error:
        return Entry(file, "unreadable", f"cannot be opened: {error.strerror}")
    with opened:
        try:
            with zipfile.ZipFile(opened) as archive:
                video = describe(archive, file.path)
                if whole:
                    _check(archive, video)
        except StoreError:
            return Entry(file, "newer", "made by a newer dfbench")
        except DAMAGE as error:
            told = " ".join(str(error).split())
            if not told or isinstance(error, LookupError):  # whose text is the name alone
                told = f"{type(error).__name__}: {told}".removesuffix(": ")
            return Entry(file, "damaged", told)
    return Entry(file, "ok", "", video.faces, video.reader, video.quality, video.status)


def _check(archive: zipfile.ZipFile, video: StoredVideo) -> None:
    """Raises one of ``DAMAGE`` unless the file is what ``write`` makes: every member's checksum
    holds, and every clip has its pictures, square and of one size, and its boxes.

    Pictures are not decoded, which would take a hundred times as long: a picture whose checksum
    holds is the one that was encoded.
    """
    sizes = {}
    for name in archive.namelist():
        data = archive.read(name)  # compares the checksum
        if name != "video.json":
            sizes[name] = crops.size(data)
    for window in video.windows:
        _check_window(window, sizes)
    if video.status == "ok" and not any(window.files for window in video.windows):
        raise ValueError("its status is ok, but it has no clip")


def _check_window(window: StoredWindow, sizes: dict[str, tuple[int, int]]) -> None:
    frames = len(window.numbers)
    where = f"clip {window.clip}"
    shapes = (
        np.shape(window.boxes),
        np.shape(window.landmarks),
        np.shape(window.scores),
        np.shape(window.square),
    )
    if shapes != ((frames, 4), (frames, 5, 2), (frames,), (3,)):
        raise ValueError(f"{where} has boxes, landmarks and scores of shapes {shapes}")
    if window.files and len(window.files) != frames:
        raise ValueError(f"{where} has {len(window.files)} pictures for {frames} frames")
    if missing := [name for name in window.files if name not in sizes]:
        raise ValueError(f"{where} lacks its picture {missing[0]}")
    if len({side for name in window.files for side in sizes[name]}) > 1:
        raise ValueError(f"{where} has pictures that are not square or not of one size")
