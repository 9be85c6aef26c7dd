"""What both networks share: their training pictures, their regions, their rules of aggregation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from dfbench import Augmentation, Jitter
from dfbench_facewarping.colours import ColourJitter
from dfbench_facewarping.fakes import Warping, warp_face
from dfbench_facewarping.geometry import check_landmarks, fixed_regions, jittered_region, points68

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]


class FaceWarpingRules(nn.Module):
    """How a face-warping network is trained and read; ``forward`` is the subclass's.

    name: the detector's, for messages. landmarks: 5 or 68 points a face. views: regions a face at
    test, 10 in the paper. Raises ValueError for other values.
    """

    def __init__(self, name: str, landmarks: int, views: int, size: int) -> None:
        super().__init__()
        if landmarks not in (5, 68):
            raise ValueError(f"landmarks are 5 or 68, not {landmarks}")
        if views < 1:
            raise ValueError(f"views is the number of regions a face, 1 or more, not {views}")
        if size < 32:
            raise ValueError(f"size is the side of the input in pixels, 32 or more, not {size}")
        self.name, self.landmarks, self.views = name, landmarks, views

    def training_clips(
        self, frames: Frames, boxes: Floats, landmarks: Floats, label: int, rng: np.random.Generator
    ) -> Frames:
        """Frames uint8 [T, S, S, 3] of a real clip as training shows them: as they are (label 0)
        or with the face warped (label 1), in other colours either way.

        landmarks [T, K, 2] in pixels of the frames. Raises DataError when K is not what the
        detector was asked to use.
        """
        del boxes
        check_landmarks(landmarks, self.landmarks, self.name)
        # Both are drawn for both labels: a real clip and its fake then differ in the fake alone.
        jitter, warping = ColourJitter.draw(rng), Warping.draw(rng)
        if label:
            faces = zip(frames, landmarks, strict=True)
            frames = np.stack([warp_face(f, points68(points), warping) for f, points in faces])
        return jitter.apply(frames)

    def regions(
        self, boxes: Floats, landmarks: Floats, rng: np.random.Generator | None
    ) -> NDArray[np.float64]:
        """Regions [V, 4] (x0, y0, x1, y1): one drawn by ``rng``, or all fixed ones without it.

        landmarks [T, K, 2]: their median over the clip decides. Raises DataError as
        ``training_clips`` does.
        """
        del boxes
        check_landmarks(landmarks, self.landmarks, self.name)
        points = points68(np.median(landmarks, axis=0))
        if rng is None:
            return fixed_regions(points, self.views)
        return jittered_region(points, rng)[None]

    def augment(self, rng: np.random.Generator) -> Augmentation:
        """A flip; where a region is cut and in what colours is drawn with the training clip."""
        return Augmentation(Jitter(flip=bool(rng.integers(2))))

    def combine(self, scores: NDArray[np.float64]) -> float:
        """A face's score from P(fake) of its regions [V]: the mean of the higher half."""
        return float(np.sort(scores)[round(len(scores) / 2) :].mean())
