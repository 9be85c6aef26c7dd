"""A video of two people, the red square and the blue one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from face_tables import faces

from dfbench.catalogue.cards import ClipSpec, FaceDetectorCard
from dfbench.catalogue.records import Faces, VideoRecord
from dfbench.faces.prepare import FaceFinder

CLIPS = ClipSpec(frames=4, windows=5, size=24)


RED, BLUE = (230, 20, 20), (20, 20, 230)


class Squares:
    """A face detector: red and blue squares are faces, in whatever order."""

    def __init__(self, weights: Path | None = None) -> None:
        del weights

    def detect(self, images: np.ndarray) -> list[Faces]:
        return [self._one(image.astype(int)) for image in images]

    def _one(self, image: np.ndarray) -> Faces:
        boxes = []
        for low, high in ((0, 2), (2, 0)):
            rows, columns = np.nonzero((image[..., high] > 150) & (image[..., low] < 100))
            if len(rows) > 40:
                boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        return faces(*boxes)


def finder(all_faces: bool = True) -> FaceFinder:
    card = FaceDetectorCard(name="squares", summary="", target="two_people:Squares")
    return FaceFinder(card, None, all_faces)


def scene(number: int, blue: range = range(60)) -> np.ndarray:
    """A red square of 40, and below it a blue one of 24 while it is seen."""
    image = np.random.default_rng(number).integers(0, 60, (120, 160, 3), np.uint8)
    image[10:50, 20 + number // 2 :][:, :40] = RED
    if number in blue:
        image[80:104, 100 - number // 2 :][:, :24] = BLUE
    return image


def video(make_video, path: Path, blue: range = range(60), **about) -> VideoRecord:
    make_video(path, frames=60, size=(160, 120), draw=lambda n: scene(n, blue), g=1, crf=10)
    return VideoRecord(path.stem, path, about.pop("label", 0), **about)
