"""The face store: what ``prepare`` made of each video, one self-describing file a video.

A file is a plain ZIP (members stored, not deflated): ``video.json`` describes it, the crops are
PNG pictures named by clip and frame, so any tool can open it. It is found again by what it was
made from: the video's content, face detector and version, sampling, crop. It is written under
another name and moved into place, so a file that exists is whole unless the disk lost it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.cards import ClipSpec
from dfbench.clips import STORE_MARGIN, STORE_SIDE
from dfbench.errors import ResourceError, StoreError
from dfbench.pictures import picture_files
from dfbench.records import Status

SCHEMA = 1
_CHUNK = 1 << 16
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a ZIP wants dates; a fixed one keeps equal contents equal bytes
# What zipfile and json may say of a file that is missing, cut short or overwritten.
_DAMAGE = (
    OSError, EOFError, zipfile.BadZipFile, KeyError, TypeError, ValueError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class StoredWindow:
    """One clip of a video as stored.

    numbers: source frame numbers [T]. square: x, y, side of the crop in source pixels.
    boxes [T, 4], landmarks [T, 5, 2]: in pixels of the stored crop. scores [T], 0 = interpolated.
    files: member names of the T crops, or empty when a frame of this clip could not be read.
    """

    numbers: list[int]
    square: list[int]
    boxes: list[list[float]]
    landmarks: list[list[list[float]]]
    scores: list[float]
    files: list[str]


@dataclass(frozen=True)
class StoredVideo:
    """``video.json``: one video, its status, its clips. ``detail`` says what went wrong."""

    video: str
    status: Status
    detail: str
    reader: str
    faces: str
    frame_count: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    windows: list[StoredWindow] = field(default_factory=list)
    schema: int = SCHEMA


class FaceStore:
    """The store below one folder, ``<root>/ab/cdef….zip``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        return self.root / key[:2] / f"{key[2:]}.zip"

    def read(self, key: str) -> StoredVideo | None:
        """What is stored under ``key``; None when there is nothing, or only a damaged file.

        Raises StoreError for a file of a newer schema: it must not be overwritten.
        """
        path = self.path(key)
        try:
            with zipfile.ZipFile(path) as archive:
                return _video(json.loads(archive.read("video.json")), path)
        except _DAMAGE:
            return None  # not there, or cut short: prepare makes it again

    def open(self, key: str) -> StoredVideo:
        """What is stored under ``key``. Raises StoreError when it is gone or damaged."""
        stored = self.read(key)
        if stored is None:
            raise StoreError(f"{self.path(key)} is gone or damaged: run again to prepare it anew")
        return stored

    def write(self, key: str, video: StoredVideo, crops: dict[str, NDArray[np.uint8]]) -> None:
        """Store a video and its crops (RGB uint8 [S, S, 3] by member name), atomically.

        Raises ResourceError when the disk is full or the folder cannot be written.
        """
        path = self.path(key)
        data = _pack(video, crops)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            raise ResourceError(_disk(error, self.root)) from error
        finally:
            if temporary.parent.is_dir() and os.access(temporary.parent, os.W_OK):
                temporary.unlink(missing_ok=True)

    def frames(self, key: str, window: StoredWindow) -> NDArray[np.uint8]:
        """The crops of one clip, uint8 [T, S, S, 3] RGB. Raises StoreError when they are gone."""
        path = self.path(key)
        try:
            with zipfile.ZipFile(path) as archive:
                return np.stack([_decode(archive.read(name)) for name in window.files])
        except _DAMAGE as error:
            raise StoreError(f"{path} is damaged ({error}): delete it and run again") from error


def store_key(content: str, faces: str, reader: str, clip: ClipSpec) -> str:
    """sha256 of all that decides what is stored: ``content`` is the video's fingerprint (and that
    of its boxes where the dataset ships them), the rest detector, decoder, sampling and crop."""
    sampling = [clip.frames, clip.stride, clip.windows, STORE_MARGIN, STORE_SIDE]
    text = json.dumps([SCHEMA, content, faces, reader, sampling])
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(path: Path) -> str:
    """sha256 over size, first and last 64 KiB of a file: its content, without reading all of it.

    Enough to tell videos apart and to notice one that was replaced; not a proof of integrity. Of
    a folder of pictures: the names and sizes of all, the first and the last as above.
    """
    if path.is_dir():
        files = picture_files(path)
        parts = [f"{file.name} {file.stat().st_size}" for file in files]
        parts += [fingerprint(file) for file in (files[0], files[-1])] if files else []
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    size = path.stat().st_size
    sha = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        sha.update(file.read(_CHUNK))
        file.seek(max(size - _CHUNK, 0))
        sha.update(file.read(_CHUNK))
    return sha.hexdigest()


def _pack(video: StoredVideo, crops: dict[str, NDArray[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(asdict(video), indent=1)
        archive.writestr(zipfile.ZipInfo("video.json", _EPOCH), text)
        for name, image in crops.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _encode(image))
    return buffer.getvalue()


def _encode(image: NDArray[np.uint8]) -> bytes:
    # Level 1: on video frames the higher levels win 3 % of the size for 3 times the time.
    done, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise StoreError("OpenCV could not encode a PNG picture")
    return data.tobytes()


def _decode(data: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError("a picture cannot be decoded")
    return np.asarray(image, np.uint8)


def _video(data: dict[str, Any], path: Path) -> StoredVideo:
    if data["schema"] > SCHEMA:
        raise StoreError(
            f"{path} has schema {data['schema']}, this dfbench reads up to {SCHEMA}: "
            "update dfbench or choose another --cache"
        )
    windows = [StoredWindow(**window) for window in data.pop("windows")]
    return StoredVideo(**data, windows=windows)


def _disk(error: OSError, root: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for the face store in {root}: free some, or name another --cache"
    return f"the face store in {root} cannot be written ({error.strerror}): name another --cache"


def arrays(window: StoredWindow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes float32 [T, 4] and landmarks float32 [T, 5, 2] of a stored clip."""
    return np.asarray(window.boxes, np.float32), np.asarray(window.landmarks, np.float32)


def starts(windows: Sequence[StoredWindow]) -> list[int]:
    """First source frame of each clip."""
    return [window.numbers[0] for window in windows]
