"""Self-blended images: a face over a slightly different copy of itself (paper, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbench_sbi.masks import Blend
from dfbench_sbi.transforms import Colour, Frequency, Move

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class SelfBlending:
    """One draw a clip. on_target: whether the colours and frequencies changed are those of the
    target, and the source keeps its own, or the reverse."""

    on_target: bool
    colour: Colour
    frequency: Frequency
    move: Move
    blend: Blend

    @classmethod
    def draw(cls, rng: np.random.Generator) -> SelfBlending:
        return cls(
            on_target=bool(rng.integers(2)),
            colour=Colour.draw(rng),
            frequency=Frequency.draw(rng),
            move=Move.draw(rng),
            blend=Blend.draw(rng),
        )

    def pair(
        self, image: Image, box: Points, landmarks: NDArray[np.floating]
    ) -> tuple[Image, Image]:
        """Target (to be shown as real) and self-blended image, uint8 [H, W, 3], of a real one.

        box [4] and landmarks [K, 2] in its pixels. Outside the mask the two are equal, bit for
        bit.
        """
        face = float(max(box[2] - box[0], box[3] - box[1], 8))
        changed = self.frequency.apply(self.colour.apply(image))
        target, source = (changed, image) if self.on_target else (image, changed)
        source = self.move.apply(source, (box[:2] + box[2:]) / 2, face)
        share = self.blend.mask(image.shape, landmarks, box)[..., None]
        mixed = target + (source.astype(np.float32) - target) * share
        return target, np.rint(mixed).astype(np.uint8)
