"""Where a self-blended image takes its source: the mask generator (paper, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench import FACE_TEMPLATE, fit_similarity

Points = NDArray[np.float64]
Mask = NDArray[np.float32]

RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
_GRID = 8  # the elastic field is drawn on a grid this coarse and is smooth between its points
# An oval face about its middle in units of its longer side, as ``FACE_TEMPLATE`` has it.
_HALF_WIDTH, _CHIN, _BROWS, _FOREHEAD = 0.36, 0.48, -0.24, -0.48


@dataclass(frozen=True)
class Blend:
    """How one mask is made: one draw a clip.

    forehead: whether the region reaches above the brows. elastic [2, 9, 9]: displacements x and y
    of a coarse grid over the face, in units of its side. erode, soften: sides of the two
    smoothing kernels in units of the face; after the first, all that is not wholly inside is
    dropped, so a first larger than the second shrinks the region and a smaller one widens it.
    ratio: greatest share of the source.
    """

    forehead: bool
    elastic: Points
    erode: float
    soften: float
    ratio: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Blend:
        return cls(
            forehead=bool(rng.integers(2)),
            elastic=rng.normal(0, 0.02, (2, _GRID + 1, _GRID + 1)),
            erode=float(rng.uniform(0.02, 0.12)),
            soften=float(rng.uniform(0.02, 0.12)),
            ratio=float(rng.choice(RATIOS)),
        )

    def mask(self, shape: tuple[int, ...], landmarks: NDArray[np.floating], box: Points) -> Mask:
        """Share of the source float32 [H, W] in 0..1, by landmarks [K, 2] and box [4] in pixels."""
        face = float(max(box[2] - box[0], box[3] - box[1], 8))
        hull = cv2.convexHull(outline(landmarks, self.forehead).astype(np.float32))
        filled = np.zeros(shape[:2], np.float32)
        cv2.fillConvexPoly(filled, np.round(hull).astype(np.int32), 1.0, cv2.LINE_8)
        smooth = _smooth(self._deformed(filled, box, face), self.erode * face)
        # Not 1 exactly: a float kernel sums to a hair less.
        inside = np.where(smooth > 0.999, 1, 0).astype(np.float32)
        return np.asarray(_smooth(inside, self.soften * face) * self.ratio, np.float32)

    def _deformed(self, mask: Mask, box: Points, face: float) -> Mask:
        """The mask seen through the elastic field, which lies over the face and half around it."""
        height, width = mask.shape
        corner = (box[:2] + box[2:]) / 2 - face
        x = ((np.arange(width) - corner[0]) / (2 * face) * _GRID).astype(np.float32)
        y = ((np.arange(height) - corner[1]) / (2 * face) * _GRID).astype(np.float32)
        at_x, at_y = np.meshgrid(np.clip(x, 0, _GRID), np.clip(y, 0, _GRID))
        edge = cv2.BORDER_REPLICATE
        fields = [
            cv2.remap(field, at_x, at_y, cv2.INTER_CUBIC, borderMode=edge)
            for field in (self.elastic * face).astype(np.float32)
        ]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        moved = cv2.remap(mask, columns + fields[0], rows + fields[1], cv2.INTER_LINEAR)
        return np.asarray(moved, np.float32)


def outline(landmarks: NDArray[np.floating], forehead: bool) -> Points:
    """Points [N, 2] whose hull is the face: the 68 landmarks, or an oval laid over 5 of them.

    With ``forehead`` it reaches above the brows, by most of the length of the nose.
    """
    if len(landmarks) == 5:
        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        middle, half = (_CHIN + _FOREHEAD) / 2, (_CHIN - _FOREHEAD) / 2
        oval = np.stack([_HALF_WIDTH * np.cos(angle), middle + half * np.sin(angle)], axis=1)
        oval[:, 1] = np.maximum(oval[:, 1], _FOREHEAD if forehead else _BROWS)
        matrix = fit_similarity(FACE_TEMPLATE, landmarks)
        return oval @ matrix[:, :2].T + matrix[:, 2]
    points = np.asarray(landmarks, np.float64)
    if not forehead:
        return points
    brows = points[17:27]
    up = 0.8 * (points[27] - points[30])  # the bridge of the nose, towards the brows
    return np.concatenate([points, brows + up])


def _smooth(mask: Mask, side: float) -> Mask:
    kernel = int(side) | 1
    return np.asarray(cv2.GaussianBlur(mask, (kernel, kernel), 0), np.float32)
