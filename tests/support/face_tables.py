"""What a face detector returns, written by hand."""

from __future__ import annotations

import numpy as np

from dfbench.catalogue.records import Faces


def faces(*boxes: tuple[float, ...], scores: list[float] | None = None) -> Faces:
    """Upright faces in boxes (x0, y0, x1, y1)."""
    array = np.array(boxes, np.float32).reshape(-1, 4)
    corner, side = array[:, None, :2], (array[:, 2:] - array[:, :2])[:, None]
    marks = corner + side * np.array(
        [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]]
    )
    return Faces(
        array, marks.astype(np.float32), np.array(scores or [0.9] * len(array), np.float32)
    )


def at(x: float, y: float, side: float) -> tuple[float, float, float, float]:
    return (x, y, x + side, y + side)
