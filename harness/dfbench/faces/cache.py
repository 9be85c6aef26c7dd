"""What lies in the cache: how much of what, and what can go.

Only files whose names the face store gives are opened or removed, and only below its own folder:
links within it are not followed, and files of a newer dfbench stay.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfbench.catalogue.reporter import Reporter
from dfbench.errors import ResourceError
from dfbench.faces.audit import Entry, File, look
from dfbench.faces.store import HOST, disk_trouble
from dfbench.places import data_folder, faces_folder, weights_folder

LEFT_OVER = 3600
"""Seconds after which a file that is still being written was left over by a killed process."""
_DAY = 86400
_ENTRY = re.compile(r"[0-9a-f]{62}\.zip")
_WRITING = re.compile(r"\.[0-9a-f]{62}\.zip\.(?:(?P<host>[\w-]+)\.)?(?P<pid>\d{1,9})\.tmp")


@dataclass
class Listing:
    """The face store's folder: ``entries`` one a video, ``writing`` unfinished files, and
    ``foreign`` whatever else is there: never touched."""

    entries: list[File] = field(default_factory=list)
    writing: list[File] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Removal:
    file: File
    why: str


def listing(root: Path) -> Listing:
    """What lies below the face store's folder ``root``, which need not exist.

    Raises ResourceError when it cannot be listed.
    """
    found = Listing()
    try:
        for folder in sorted(root.iterdir()) if root.exists() else ():
            if not _is_shard(folder):
                found.foreign.append(folder)
                continue
            with os.scandir(folder) as files:
                for item in files:
                    _sort_in(item, found)
    except OSError as error:
        raise ResourceError(f"{error.filename} cannot be listed: {error.strerror}") from error
    found.entries.sort(key=lambda file: file.path)
    return found


def _is_shard(folder: Path) -> bool:
    named = re.fullmatch("[0-9a-f]{2}", folder.name)
    return named is not None and folder.is_dir() and not folder.is_symlink()


def _sort_in(item: os.DirEntry[str], found: Listing) -> None:
    path = Path(item.path)
    place = (
        found.entries
        if _ENTRY.fullmatch(item.name)
        else found.writing
        if _WRITING.fullmatch(item.name)
        else None
    )
    if place is None or not item.is_file(follow_symlinks=False):
        found.foreign.append(path)
        return
    try:
        about = item.stat(follow_symlinks=False)
    except FileNotFoundError:  # written to its end, or removed, meanwhile
        return
    place.append(File(path, about.st_size, about.st_mtime))


def left_over(file: File, now: float) -> bool:
    """Whether a file that is being written has been given up: its process is gone (as far as can
    be told: on this machine), or it is old."""
    match = _WRITING.fullmatch(file.path.name)
    if now - file.used > LEFT_OVER or match is None:
        return match is not None
    return match["host"] == HOST and not _runs(int(match["pid"]))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's, or no number of a process: not ours to judge
        return True
    return True


def to_prune(
    found: Listing,
    entries: Sequence[Entry],
    older_than: float | None = None,
    faces: str | None = None,
    now: float | None = None,
) -> list[Removal]:
    """What ``prune`` removes: always left-over and damaged files; where one of them is given,
    also entries not used for ``older_than`` days and made with the face detector ``faces``
    ("yunet", or with its version "yunet 1"); where both are, those to which both apply."""
    now = time.time() if now is None else now
    gone = [
        Removal(file, "left over by a killed process")
        for file in found.writing
        if left_over(file, now)
    ]
    for entry in entries:
        days = (now - entry.file.used) / _DAY
        if entry.state == "damaged":
            gone.append(Removal(entry.file, f"damaged: {entry.why}"))
        elif entry.state == "ok" and _asked(entry, days, older_than, faces):
            gone.append(Removal(entry.file, f"{entry.faces}, last used {days:.0f} days ago"))
    return gone


def _asked(entry: Entry, days: float, older_than: float | None, faces: str | None) -> bool:
    if older_than is None and faces is None:
        return False
    old = older_than is None or days > older_than
    return old and (faces is None or f"{entry.faces} ".startswith(f"{faces} "))


def remove(root: Path, files: Sequence[File]) -> None:
    """Remove files of the store in ``root``. Raises ResourceError when the disk does not let it."""
    for file in files:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            raise ResourceError(disk_trouble(error, root)) from error


def info(cache: Path, workers: int, reporter: Reporter) -> dict[str, Any]:
    """The cache in numbers: files and bytes by kind, and the face store by how it was made.

    Raises ResourceError when a folder cannot be listed.
    """
    root = faces_folder(cache)
    found = listing(root)
    with reporter.task("face store", len(found.entries)) as advance:
        entries = look(found.entries, False, workers, advance)
    return {
        "cache": str(cache),
        "faces": {
            "folder": str(root),
            **_footprint([*found.entries, *found.writing]),
            "being written": len(found.writing),
            "foreign": len(found.foreign),
            "made with": _groups(entries),
        },
        "weights": {"folder": str(weights_folder(cache)), **_below(weights_folder(cache))},
        "datasets": {"folder": str(data_folder(cache)), **_below(data_folder(cache))},
    }


def _groups(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """A row for each face detector, reader and quality; files that cannot be read by their state.

    Faces that a fake has from its original ("yunet 1 of <id>") count as that detector's.
    """
    rows: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        rows.setdefault((entry.faces.partition(" of ")[0], entry.reader, entry.quality), []).append(
            entry
        )
    return [
        {
            "faces": faces,
            "reader": reader,
            "quality": quality,
            **_footprint([entry.file for entry in group]),
            "status": dict(sorted(Counter(e.status or e.state for e in group).items())),
        }
        for (faces, reader, quality), group in sorted(rows.items())
    ]


def _footprint(files: Sequence[File]) -> dict[str, int]:
    return {"files": len(files), "bytes": sum(file.size for file in files)}


def _below(folder: Path) -> dict[str, int]:
    return _footprint(list(_walk(folder)))


def _walk(folder: Path) -> Iterator[File]:
    """All files below ``folder``, which need not exist; links are not followed."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            try:
                about = path.lstat()
            except FileNotFoundError:
                continue
            yield File(path, about.st_size, about.st_mtime)
