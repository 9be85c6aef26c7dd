"""Augmentation: one draw a clip, the same for all its frames.

``study`` is the root study's: random crop, horizontal flip, brightness (normalisation with the
pre-training's mean and deviation follows in the detector). ``strong`` adds what videos suffer on
their way: other colours, a smaller size, blur, noise, JPEG or H.264.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dfbench.clips import degrade
from dfbench.faces.geometry import Jitter


@dataclass(frozen=True)
class Augmentation:
    """A draw: how the crop moves, and what is done to its pixels; see ``degrade`` for the units.

    brightness, contrast, saturation: factors. hue: degrees. scale: of the picture's own size, 0..1.
    blur: sigma, pixels. noise: grey levels, drawn from ``seed``. jpeg: quality, h264: constant rate
    factor, 0 = none.
    """

    jitter: Jitter = field(default_factory=Jitter)
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    scale: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    seed: int = 0
    jpeg: int = 0
    h264: int = 0

    def apply(self, clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The clip uint8 [T, H, W, 3], in the order in which a camera and its user would do it:
        colours, size, blur, noise, compression. The crop's ``jitter`` is the cutter's."""
        clip = degrade.colour(clip, self.brightness, self.contrast, self.saturation, self.hue)
        clip = degrade.blur(degrade.downscale(clip, self.scale), self.blur)
        clip = degrade.noise(clip, self.noise, self.seed)
        return degrade.h264(degrade.jpeg(clip, self.jpeg), self.h264)


def none(rng: np.random.Generator) -> Augmentation:
    """Nothing at all."""
    del rng
    return Augmentation()


def study(rng: np.random.Generator) -> Augmentation:
    """Random crop, flip and brightness."""
    jitter = Jitter(
        scale=float(rng.uniform(0.88, 1.06)),
        shift=(float(rng.uniform(-0.06, 0.06)), float(rng.uniform(-0.06, 0.06))),
        flip=bool(rng.integers(2)),
    )
    return Augmentation(jitter, float(rng.uniform(0.8, 1.2)))


def strong(rng: np.random.Generator) -> Augmentation:
    """``study``, other colours, and each degradation in one clip of five; of the two kinds of
    compression at most one."""
    base = study(rng)
    hit = rng.random(3) < 0.2
    compressed = rng.random()
    return Augmentation(
        base.jitter,
        base.brightness,
        contrast=float(rng.uniform(0.8, 1.2)),
        saturation=float(rng.uniform(0.7, 1.3)),
        hue=float(rng.uniform(-10, 10)),
        scale=float(rng.uniform(0.3, 0.9)) if hit[0] else 1.0,
        blur=float(rng.uniform(0.5, 2.0)) if hit[1] else 0.0,
        noise=float(rng.uniform(2, 10)) if hit[2] else 0.0,
        seed=int(rng.integers(2**31)),
        jpeg=int(rng.integers(40, 96)) if compressed < 0.2 else 0,
        h264=int(rng.integers(18, 41)) if compressed > 0.8 else 0,
    )


POLICIES: dict[str, Callable[[np.random.Generator], Augmentation]] = {
    "none": none,
    "study": study,
    "strong": strong,
}
