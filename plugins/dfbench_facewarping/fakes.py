"""Fakes from real faces alone: aligned, blurred, warped back (Li & Lyu 2019, section 3.1).

A face generator of those years gives a picture of limited, fixed resolution, which an affine map
then fits onto the target. What stays is a face with less detail than what surrounds it, and these
fakes have just that.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench_facewarping.geometry import BROWS, MOUTH_BOTTOM, Points, alignment, blur_size

Image = NDArray[np.uint8]
Share = NDArray[np.float32]

SIZES = (32, 128)  # pixels a side of the aligned face: below, what it loses is plain to see
KERNEL = 5
_MARGIN = 0.5  # of the aligned face on each side of it: a hull may reach over the unit square
_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)


@dataclass(frozen=True)
class Warping:
    """How one fake is made: one draw a clip.

    size: pixels a side of the aligned face. kernel: odd side of the Gaussian there, 1 = none.
    region: ``square`` = the whole aligned face, ``inner`` = hull of brows and mouth, ``face`` =
    hull of all 68 points. stretch [2] and dents [68, 2] deform a hull: factors about its middle,
    and shifts of each point in units of the aligned face. feather: softness of the seam in units
    of ``blur_size``, 0 = a hard edge.
    """

    size: int
    region: str
    stretch: Points
    dents: Points
    feather: float = 0.0
    kernel: int = KERNEL

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Warping:
        """A warping as training sees them."""
        return cls(
            size=int(rng.integers(SIZES[0], SIZES[1] + 1)),
            region=str(rng.choice(["square", "inner", "face"], p=[0.5, 0.25, 0.25])),
            stretch=rng.uniform(0.85, 1.15, 2),
            dents=rng.normal(0, 0.03, (68, 2)),
            feather=float(rng.uniform(0, 1)) if rng.random() < 0.5 else 0.0,
        )


def warp_face(image: Image, points: Points, warping: Warping) -> Image:
    """``image`` uint8 [H, W, 3] with its face, given by 68 points, shrunk, blurred and put back.

    What lies outside the region (and, with a feather, half a ``blur_size`` around it) is the
    image's, bit for bit.
    """
    matrix = alignment(points)
    share = region_share(image.shape[:2], points, matrix, warping)
    face = low_detail(image, matrix, warping.size, warping.kernel)
    return blend(image, face, share)


def low_detail(image: Image, matrix: Points, size: int, kernel: int) -> Image:
    """``image`` as it comes back from a picture of ``size`` pixels per unit of the aligned face,
    blurred there. ``matrix`` [2, 3]: from pixels to the unit face. Beyond a margin around the
    face the result means nothing."""
    margin = round(size * _MARGIN)
    into = matrix * size
    into[:, 2] += margin
    side = size + 2 * margin
    edge = cv2.BORDER_REPLICATE
    small = cv2.warpAffine(image, into, (side, side), borderMode=edge)
    small = cv2.GaussianBlur(small, (kernel, kernel), 0)
    back = cv2.warpAffine(
        small,
        into,
        image.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=edge,
    )
    return np.asarray(back, np.uint8)


def region_share(shape: tuple[int, ...], points: Points, matrix: Points, warping: Warping) -> Share:
    """How much of each pixel the fake takes, float32 [H, W] in 0..1."""
    outline = _outline(points @ matrix[:, :2].T + matrix[:, 2], warping)
    inverse = cv2.invertAffineTransform(matrix)
    corners = outline @ inverse[:, :2].T + inverse[:, 2]
    mask = np.zeros(shape[:2], np.float32)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1.0)
    side = int(warping.feather * blur_size(points)) | 1
    return np.asarray(cv2.GaussianBlur(mask, (side, side), 0), np.float32)


def _outline(aligned: Points, warping: Warping) -> Points:
    """The region's corners in the unit face, a convex polygon."""
    if warping.region == "square":
        return _SQUARE
    chosen = np.concatenate([BROWS, MOUTH_BOTTOM]) if warping.region == "inner" else np.arange(68)
    points, middle = aligned[chosen], aligned[chosen].mean(0)
    deformed = (points - middle) * warping.stretch + middle + warping.dents[chosen]
    kept = np.clip(deformed, -_MARGIN, 1 + _MARGIN).astype(np.float32)
    return np.asarray(cv2.convexHull(kept)[:, 0], np.float64)


def blend(image: Image, face: Image, share: Share) -> Image:
    """``face`` over ``image`` where ``share`` says so."""
    mixed = image + (face.astype(np.float32) - image) * share[..., None]
    return np.rint(mixed).astype(np.uint8)
