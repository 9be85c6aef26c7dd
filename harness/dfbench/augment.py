"""Augmentation: one draw a clip, the same for all its frames.

The study's: random crop, horizontal flip, brightness (normalisation follows in the detector).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dfbench.clips import Jitter


@dataclass(frozen=True)
class Augmentation:
    """A draw: how the crop moves, and the factor on brightness."""

    jitter: Jitter = field(default_factory=Jitter)
    brightness: float = 1.0

    def shade(self, clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The clip uint8 [T, H, W, 3] made brighter or darker, saturating at 0 and 255."""
        if self.brightness == 1.0:
            return clip
        table = np.clip(np.arange(256) * self.brightness + 0.5, 0, 255).astype(np.uint8)
        shaded: NDArray[np.uint8] = table[clip]
        return shaded


def draw(policy: str, rng: np.random.Generator) -> Augmentation:
    """A draw of ``policy``: ``none`` or ``study``."""
    if policy == "none":
        return Augmentation()
    jitter = Jitter(
        scale=float(rng.uniform(0.88, 1.06)),
        shift=(float(rng.uniform(-0.06, 0.06)), float(rng.uniform(-0.06, 0.06))),
        flip=bool(rng.integers(2)),
    )
    return Augmentation(jitter, float(rng.uniform(0.8, 1.2)))
