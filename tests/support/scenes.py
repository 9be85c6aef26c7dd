"""Videos of a red square, and the face detectors that find it."""

from __future__ import annotations

import os
import signal
import zlib
from pathlib import Path

import numpy as np

from dfbench.catalogue.cards import ClipSpec, FaceDetectorCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Faces, VideoRecord
from dfbench.faces.prepare import FaceFinder
from dfbench.faces.store import FaceStore

FRAMES = ClipSpec(frames=1, windows=8, size=32)
CLIPS = ClipSpec(frames=6, windows=3, size=32)


class RedSquare:
    """A face detector: the red square is the face."""

    def __init__(self, weights: Path | None = None) -> None:
        del weights

    def detect(self, images: np.ndarray) -> list[Faces]:
        return [self._one(image.astype(int)) for image in images]

    def _one(self, image: np.ndarray) -> Faces:
        rows, columns = np.nonzero((image[..., 0] > 150) & (image[..., 1] < 100))
        if not len(rows):
            return Faces(np.zeros((0, 4)), np.zeros((0, 5, 2)), np.zeros(0))
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
        middle = (box[:2] + box[2:]) / 2
        return Faces(box[None], np.repeat(middle[None, None], 5, 1), np.ones(1, np.float32))


class Killed(RedSquare):
    def detect(self, images: np.ndarray) -> list[Faces]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().detect(images)


class Liar(RedSquare):
    def detect(self, images: np.ndarray) -> list[Faces]:
        return super().detect(images)[1:]


def finder(name: str = "RedSquare", version: str = "1") -> FaceFinder:
    return FaceFinder(
        FaceDetectorCard(name=name, summary="", target=f"scenes:{name}", version=version)
    )


def center() -> FaceFinder:
    return FaceFinder(open_catalogue().faces("center")[1])


def scene(number: int, face: bool = True, name: str = "") -> np.ndarray:
    """A red square of 40 that moves right by a pixel a frame, on noise that ``name`` decides."""
    seed = [number, zlib.crc32(name.encode())]
    image = np.random.default_rng(seed).integers(0, 60, (120, 160, 3), np.uint8)
    if face:
        image[40:80, 30 + number : 70 + number] = (230, 20, 20)
    return image


def video(make_video, path: Path, face: bool = True, **about) -> VideoRecord:
    make_video(
        path, frames=60, size=(160, 120), draw=lambda n: scene(n, face, path.stem), g=1, crf=10
    )
    return VideoRecord(path.stem, path, about.pop("label", 0), **about)


def contents(store: FaceStore) -> dict[str, bytes]:
    files = (p for p in store.root.rglob("*") if p.is_file())
    return {str(p.relative_to(store.root)): p.read_bytes() for p in files}
