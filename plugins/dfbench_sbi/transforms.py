"""The small differences between a pseudo source and its target: colour, frequency, place.

Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022, section 3.2. Where
the paper names a transform without its range, the range is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Colour:
    """Shift of each RGB channel (grey levels); turn of the hue (degrees) and factors on saturation
    and value; factor on the contrast and shift of the brightness (grey levels)."""

    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    hue: float = 0.0
    saturation: float = 1.0
    value: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Colour:
        red, green, blue = rng.uniform(-20, 20, 3) * (rng.random() < 0.5)
        return cls(
            shift=(float(red), float(green), float(blue)),
            hue=float(rng.uniform(-4, 4)),
            saturation=float(rng.uniform(0.9, 1.1)),
            value=float(rng.uniform(0.95, 1.05)),
            contrast=float(rng.uniform(0.9, 1.1)),
            brightness=float(rng.uniform(-20, 20)),
        )

    def apply(self, image: Image) -> Image:
        """``image`` uint8 [H, W, 3] (RGB) in other colours."""
        unit = np.clip(image + np.asarray(self.shift, np.float32), 0, 255) / np.float32(255)
        tones = cv2.cvtColor(unit, cv2.COLOR_RGB2HSV)  # hue 0..360, saturation and value 0..1
        tones[..., 0] = (tones[..., 0] + self.hue) % 360
        tones[..., 1:] = np.clip(tones[..., 1:] * [self.saturation, self.value], 0, 1)
        turned = cv2.cvtColor(tones, cv2.COLOR_HSV2RGB) * 255
        lit = (turned - 127.5) * self.contrast + 127.5 + self.brightness
        return _whole(lit)


@dataclass(frozen=True)
class Frequency:
    """Detail taken away or added: ``reduction`` = the picture made so many times smaller and back,
    ``sharpening`` = how many times over what a 3x3 smoothing takes away is added. Only one of
    them."""

    reduction: float = 1.0
    sharpening: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Frequency:
        if rng.random() < 0.5:
            return cls(reduction=float(rng.uniform(2, 4)))
        return cls(sharpening=float(rng.uniform(0.8, 2.0)))

    def apply(self, image: Image) -> Image:
        """``image`` uint8 [H, W, 3], smaller by area and back, or sharper, or as it is."""
        if self.sharpening:
            smooth = cv2.GaussianBlur(image, (3, 3), 0).astype(np.float32)
            return _whole(image + self.sharpening * (image - smooth))
        if self.reduction == 1.0:
            return image
        height, width = image.shape[:2]
        small = max(round(width / self.reduction), 1), max(round(height / self.reduction), 1)
        reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        back = cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(back, np.uint8)


@dataclass(frozen=True)
class Move:
    """Factors on width and height about the face's middle, and a shift in units of the face."""

    scale: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Move:
        wide, high = rng.uniform(0.95, 1 / 0.95, 2)
        right, down = rng.uniform(-1, 1, 2) * (0.03, 0.015)
        return cls((float(wide), float(high)), (float(right), float(down)))

    def apply(self, image: Image, middle: NDArray[np.float64], face: float) -> Image:
        """``middle`` [2] and ``face`` (side), in pixels. The edge is repeated."""
        scale, shift = np.array(self.scale), np.array(self.shift)
        matrix = np.column_stack([np.diag(scale), middle * (1 - scale) + shift * face])
        size = image.shape[1::-1]
        return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE))


def _whole(values: NDArray[np.floating]) -> Image:
    levels: Image = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels
