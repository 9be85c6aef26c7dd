"""Colour jitter as the paper trains with, on real faces and fakes alike."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
RANGE = (0.8, 1.2)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


@dataclass(frozen=True)
class ColourJitter:
    """Factors, 1 = as it is: on the values, on their distance from the mean grey, on that of each
    pixel from its own grey, and on that from a smoothed picture. Applied in this order."""

    brightness: float = 1.0
    contrast: float = 1.0
    colour: float = 1.0
    sharpness: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> ColourJitter:
        """Each factor from 0.8 to 1.2."""
        return cls(*(float(factor) for factor in rng.uniform(*RANGE, 4)))

    def apply(self, frames: Frames) -> Frames:
        """Frames uint8 [T, H, W, 3] (RGB), all treated alike."""
        bright = _whole(frames.astype(np.float32) * self.brightness)
        mean = np.rint((bright @ _GREY).mean())
        contrasted = _whole(mean + (bright - mean) * self.contrast)
        grey = (contrasted @ _GREY)[..., None]
        coloured = _whole(grey + (contrasted - grey) * self.colour)
        smooth = np.stack([cv2.filter2D(frame, -1, _SMOOTH) for frame in coloured])
        return _whole(smooth + (coloured - smooth) * self.sharpness).astype(np.uint8)


def _whole(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Whole grey levels: each step saturates, so that its order counts as it does in pictures."""
    levels: NDArray[np.float32] = np.clip(np.rint(values), 0, 255).astype(np.float32, copy=False)
    return levels
