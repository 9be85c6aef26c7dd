"""The face store: what ``prepare`` made of each video, one self-describing file a video.

A file is a plain ZIP (see ``file``), so any tool can open it. It is found again by what it was
made from: the video's content, face detector and version, sampling, crop, quality. It is written
under another name and moved into place, so a file that exists is whole unless the disk lost it: it
is not forced to the disk, and what a power cut leaves cut short is made again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import ClipSpec
from dfbench.errors import ResourceError, StoreError
from dfbench.faces.codec import Quality
from dfbench.faces.file import DAMAGE, StoredVideo, StoredWindow, describe, frames, pack
from dfbench.faces.geometry import STORE_MARGIN, STORE_SIDE

_KEY_SCHEMA = 1  # of the key alone: schema 2 files hold the same things, so old ones are found
_DAY = 86400
HOST = re.sub(r"[^\w-]", "-", platform.node()) or "-"
"""This machine in the names of files being written: a cache may be shared."""


class FaceStore:
    """The store below one folder, ``<root>/ab/cdef….zip``. ``lossy`` decides how it writes and
    under which keys; reading goes by what is there."""

    def __init__(self, root: Path, lossy: bool = False) -> None:
        self.root = root
        self.quality: Quality = "jpeg95" if lossy else "lossless"

    def key(self, content: str, faces: str, reader: str, clip: ClipSpec) -> str:
        """The place of a video in this store; see ``store_key``."""
        return store_key(content, faces, reader, clip, self.quality)

    def path(self, key: str) -> Path:
        return self.root / key[:2] / f"{key[2:]}.zip"

    def read(self, key: str) -> StoredVideo | None:
        """What is stored under ``key``; None when there is nothing, or only a damaged file.

        Raises StoreError for a file of a newer schema: it must not be overwritten.
        """
        path = self.path(key)
        try:
            with zipfile.ZipFile(path) as archive:
                video = describe(archive, path)
        except DAMAGE:
            return None  # not there, or cut short: prepare makes it again
        _mark_used(path)
        return video

    def open(self, key: str) -> StoredVideo:
        """What is stored under ``key``. Raises StoreError when it is gone or damaged."""
        stored = self.read(key)
        if stored is None:
            raise StoreError(f"{self.path(key)} is gone or damaged: run again to prepare it anew")
        return stored

    def write(self, key: str, video: StoredVideo, crops: dict[str, NDArray[np.uint8]]) -> None:
        """Store a video and its crops (RGB uint8 [S, S, 3] by member name), atomically.

        The names' endings become those of this store's quality, also in ``video``'s windows.
        Raises ResourceError when the disk is full or the folder cannot be written.
        """
        path = self.path(key)
        data = pack(video, crops, self.quality)
        temporary = path.with_name(f".{path.name}.{HOST}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            raise ResourceError(disk_trouble(error, self.root)) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def clips(
        self, key: str, numbers: Sequence[int]
    ) -> Iterator[tuple[StoredWindow, NDArray[np.uint8]]]:
        """Those clips of a video: what is known of each, and its crops uint8 [T, S, S, 3] RGB.

        The file is opened once. Raises StoreError when it is gone, damaged or of a newer schema.
        """
        path = self.path(key)
        try:
            with zipfile.ZipFile(path) as archive:
                windows = describe(archive, path).windows
                for number in numbers:
                    yield windows[number], frames(archive, windows[number])
        except DAMAGE as error:
            raise StoreError(_damaged(path, error)) from error

    def frames(self, key: str, window: StoredWindow) -> NDArray[np.uint8]:
        """The crops of one clip, uint8 [T, S, S, 3] RGB. Raises StoreError when they are gone."""
        path = self.path(key)
        try:
            with zipfile.ZipFile(path) as archive:
                return frames(archive, window)
        except DAMAGE as error:
            raise StoreError(_damaged(path, error)) from error


def store_key(
    content: str, faces: str, reader: str, clip: ClipSpec, quality: Quality = "lossless"
) -> str:
    """sha256 of all that decides what is stored: ``content`` is the video's fingerprint (and that
    of its boxes where the dataset ships them), the rest detector, decoder, sampling, crop, and
    the quality unless it is lossless."""
    sampling = [clip.frames, clip.stride, clip.windows, STORE_MARGIN, STORE_SIDE]
    parts = [_KEY_SCHEMA, content, faces, reader, sampling]
    text = json.dumps(parts if quality == "lossless" else [*parts, quality])
    return hashlib.sha256(text.encode()).hexdigest()


def _mark_used(path: Path) -> None:
    """Let the file's date tell when it was last used, to a day: ``cache prune --older-than`` goes
    by it, for access times are switched off on most disks."""
    with suppress(OSError):  # a cache that may only be read
        if time.time() - path.stat().st_mtime > _DAY:
            os.utime(path)


def _damaged(path: Path, error: Exception) -> str:
    return f"{path} is damaged ({error}): `dfbench cache verify --mend`, then run again"


def disk_trouble(error: OSError, root: Path) -> str:
    """A line for a disk that did not take a change of the store."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for the face store in {root}: free some, or name another --cache"
    return f"the face store in {root} cannot be written ({error.strerror}): name another --cache"
