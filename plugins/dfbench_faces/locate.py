"""Face "detectors" that need no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from dfbench import DataError, Faces, VideoRecord

# Where eyes, nose tip and mouth corners lie in an upright face box, as shares of its sides.
_LANDMARKS = np.array(
    [[0.31, 0.38], [0.69, 0.38], [0.5, 0.58], [0.35, 0.76], [0.65, 0.76]], np.float32
)


class Given:
    """The boxes in the record's ``.npz``. A frame without a box has no face."""

    def __init__(self, weights: Path | None = None) -> None:
        del weights  # every face detector is offered some

    def locate(
        self, record: VideoRecord, frames: Sequence[int], size: tuple[int, int]
    ) -> list[Faces]:
        """Raises DataError when the file is missing or not as ``VideoRecord.boxes`` says."""
        del size
        if record.boxes is None:
            raise DataError(f"{record.id} ships no face boxes: choose another --faces")
        try:
            with np.load(record.boxes) as table:
                known, boxes, marks = table["frames"], table["boxes"], table["landmarks"]
            if not len(known) == len(boxes) == len(marks):
                raise ValueError(f"{len(known)} frames, {len(boxes)} boxes, {len(marks)} landmarks")
        except (OSError, EOFError, BadZipFile, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{record.boxes} holds no face boxes: {error}") from error
        rows = {int(frame): i for i, frame in enumerate(known)}
        return [_one(boxes[rows[n]], marks[rows[n]]) if n in rows else _none() for n in frames]


class Center:
    """A square of the picture's shorter side, in its middle; landmarks as in an upright face."""

    def __init__(self, weights: Path | None = None, share: float = 0.75) -> None:
        del weights
        self.share = share

    def locate(
        self, record: VideoRecord, frames: Sequence[int], size: tuple[int, int]
    ) -> list[Faces]:
        del record
        height, width = size
        side = min(height, width) * self.share
        corner = np.array([(width - side) / 2, (height - side) / 2], np.float32)
        box = np.concatenate([corner, corner + side]).astype(np.float32)
        return [_one(box, corner + _LANDMARKS * side) for _ in frames]


def _one(box: np.ndarray, landmarks: np.ndarray) -> Faces:
    return Faces(
        np.asarray(box, np.float32)[None],
        np.asarray(landmarks, np.float32)[None],
        np.ones(1, np.float32),
    )


def _none() -> Faces:
    return Faces(
        np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32)
    )
