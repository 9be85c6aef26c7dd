"""One file of the face store: what is in it, and how it is packed and read.

A plain ZIP, its members stored, not deflated: ``video.json``, which says what is known of the
video and its clips, and the crops.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.records import Status
from dfbench.errors import StoreError
from dfbench.faces.codec import ENDINGS, Quality, decode, encode

SCHEMA = 2
"""1 had PNG crops and one person a video; it is still read."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a ZIP wants dates; a fixed one keeps equal contents equal bytes
DAMAGE = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    RuntimeError,
)
"""What zipfile, json and ``codec`` may say of a file that is missing, cut short or overwritten."""


@dataclass(frozen=True)
class StoredWindow:
    """One clip of a video as stored.

    numbers: source frame numbers [T]. square: x, y, side of the crop in source pixels.
    boxes [T, 4], landmarks [T, K, 2]: in pixels of the stored crop. scores [T], 0 = interpolated.
    files: member names of the T crops, or empty when a frame of this clip could not be read.
    clip: its number: of the person followed (0 = the main subject) times clips per video, plus the
        number of the window. With one person the numbers are 0, 1, 2 …
    """

    numbers: list[int]
    square: list[int]
    boxes: list[list[float]]
    landmarks: list[list[list[float]]]
    scores: list[float]
    files: list[str]
    clip: int = 0


@dataclass(frozen=True)
class StoredVideo:
    """``video.json``: one video, its status, its clips. ``detail`` says what went wrong;
    ``quality`` how its crops are coded, set by the store that writes them."""

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
    quality: Quality = "lossless"
    schema: int = SCHEMA


def describe(archive: zipfile.ZipFile, path: Path) -> StoredVideo:
    """``video.json`` of an open file. Raises one of ``DAMAGE``, or StoreError when its schema is
    newer than this dfbench; fields that are not known here are passed over."""
    data: dict[str, Any] = json.loads(archive.read("video.json"))
    if data["schema"] > SCHEMA:
        raise StoreError(
            f"{path} has schema {data['schema']}, this dfbench reads up to {SCHEMA}: "
            "update dfbench or choose another --cache"
        )
    windows = [
        StoredWindow(**{"clip": number, **_known(StoredWindow, window)})
        for number, window in enumerate(data["windows"])  # schema 1 did not number its clips
    ]
    return StoredVideo(**{**_known(StoredVideo, data), "windows": windows})


def _known(kind: type[StoredWindow | StoredVideo], data: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {key: value for key, value in data.items() if key in names}


def pack(video: StoredVideo, crops: dict[str, NDArray[np.uint8]], quality: Quality) -> bytes:
    """A file's bytes. The names of ``crops`` (RGB uint8 [S, S, 3]) get the quality's ending, those
    in the windows of ``video`` too. Equal contents give equal bytes."""

    def named(name: str) -> str:
        return str(PurePosixPath(name).with_suffix(ENDINGS[quality]))

    windows = [replace(window, files=[named(f) for f in window.files]) for window in video.windows]
    video = replace(video, windows=windows, quality=quality)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(asdict(video), indent=1)
        archive.writestr(zipfile.ZipInfo("video.json", _EPOCH), text)
        for name, image in crops.items():
            archive.writestr(zipfile.ZipInfo(named(name), _EPOCH), encode(image, quality))
    return buffer.getvalue()


def frames(archive: zipfile.ZipFile, window: StoredWindow) -> NDArray[np.uint8]:
    """The crops of one clip, uint8 [T, S, S, 3] RGB. Raises one of ``DAMAGE``."""
    return np.stack([decode(archive.read(name)) for name in window.files])


def arrays(window: StoredWindow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes float32 [T, 4] and landmarks float32 [T, K, 2] of a stored clip."""
    return np.asarray(window.boxes, np.float32), np.asarray(window.landmarks, np.float32)
