"""Cutting the face out: the wide crop that is stored, and the crop a detector sees.

All frames of one clip share one geometry. A box that follows the face from frame to frame would
jitter, and that jitter would drown the temporal signal that 3D detectors look for.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import ClipSpec

STORE_MARGIN = 1.8
"""Side of the stored crop in units of the face's longer side: room for a margin of 1.3 turned
upright from 20 degrees, or shifted and enlarged by augmentation."""
STORE_SIDE = 384
"""Longest side stored, pixels. A larger crop is reduced, a smaller one is kept as it is."""

# The usual 112-pixel alignment template (eyes, nose tip, mouth corners), in units of the face's
# longer side about the middle of the face: there 110 pixels from brow to chin, middle at (56, 64).
_TEMPLATE_112 = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
FACE_TEMPLATE = (_TEMPLATE_112 - [56.0, 64.0]) / 110.0
"""Where an upright face has its five points [5, 2], x and y from its middle, in face sides."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """How training moves a crop: one draw for all frames of a clip.

    scale: factor on the crop's side; shift: x, y in units of the output's side; rotation: degrees,
    about the output's middle, clockwise as seen.
    """

    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    flip: bool = False
    rotation: float = 0.0

    def moved(self, matrix: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """An affine map [2, 3] to an output of side ``size``, followed by this jitter."""
        middle = np.array([size / 2, size / 2])
        c, s = np.cos(np.radians(self.rotation)), np.sin(np.radians(self.rotation))
        turn = np.array([[c, -s], [s, c]]) / self.scale
        linear = turn @ matrix[:, :2]
        moved = turn @ (matrix[:, 2] - middle) + middle + size * np.array(self.shift)
        if self.flip:
            linear[0] *= -1
            moved[0] = size - moved[0]
        return np.column_stack([linear, moved])


def square(boxes: NDArray[np.float32]) -> tuple[int, int, int]:
    """x, y, side in whole source pixels of the stored crop for the boxes [T, 4] of one clip."""
    x0, y0, x1, y1 = np.median(boxes, axis=0)
    side = max(int(np.ceil(STORE_MARGIN * max(x1 - x0, y1 - y0))), 8)
    return round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2), side


def crop(image: NDArray[np.uint8], x: int, y: int, side: int) -> tuple[NDArray[np.uint8], float]:
    """The stored crop uint8 [S, S, 3] and its scale (stored pixels per source pixel, <= 1).

    Source pixels are copied as they are; only a crop above ``STORE_SIDE`` is reduced, by area.
    Outside the picture the edge is repeated.
    """
    height, width = image.shape[:2]
    inner = image[max(y, 0) : max(y + side, 0), max(x, 0) : max(x + side, 0)]
    if inner.size == 0:  # the box lies wholly outside: nothing to show but black
        patch = np.zeros((side, side, 3), np.uint8)
    else:
        top, left = max(-y, 0), max(-x, 0)
        bottom, right = max(y + side - height, 0), max(x + side - width, 0)
        edged = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE)
        patch = np.asarray(edged, np.uint8)
    if side <= STORE_SIDE:
        return np.ascontiguousarray(patch), 1.0
    small = cv2.resize(patch, (STORE_SIDE, STORE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), STORE_SIDE / side


def fit_similarity(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Least-squares similarity [2, 3] (rotation, scale, shift) from points [N, 2] to points [N, 2].

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    IEEE TPAMI 13(4), 1991.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    mean_a, mean_b = a.mean(0), b.mean(0)
    a, b = a - mean_a, b - mean_b
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = (u * sign) @ vt
    scale = (d * sign).sum() / max((a**2).sum() / len(a), 1e-12)
    linear = scale * rotation
    return np.column_stack([linear, mean_b - linear @ mean_a])


def five_points(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """The five points [..., 5, 2] of 5 or 68 (iBUG order) [..., K, 2], in the same pixels: middles
    of the eyes, nose tip, mouth corners."""
    if landmarks.shape[-2] == 5:
        return landmarks
    eyes = [landmarks[..., a : a + 6, :].mean(-2) for a in (36, 42)]
    return np.stack([*eyes, *(landmarks[..., i, :] for i in (30, 48, 54))], axis=-2)


def geometry(
    boxes: NDArray[np.float32], landmarks: NDArray[np.float32], spec: ClipSpec
) -> NDArray[np.float64]:
    """Affine map [2, 3] from stored-crop pixels to the detector's input, for one clip.

    boxes [T, 4] and landmarks [T, K, 2] are in stored-crop pixels; their median over the clip
    decides.
    """
    unit = spec.size / spec.margin  # output pixels per face side
    middle = np.array([spec.size / 2, spec.size / 2])
    if spec.align == "similarity":
        return fit_similarity(
            np.median(five_points(landmarks), axis=0), FACE_TEMPLATE * unit + middle
        )
    x0, y0, x1, y1 = np.median(boxes, axis=0).astype(np.float64)
    scale = unit / max(x1 - x0, y1 - y0, 1.0)
    centre = np.array([x0 + x1, y0 + y1]) / 2
    return np.column_stack([np.eye(2) * scale, middle - scale * centre])


def region_geometry(region: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Affine map [2, 3] that stretches a region (x0, y0, x1, y1) to a square of side ``size``."""
    x0, y0, x1, y1 = np.asarray(region, np.float64)
    scale = size / np.maximum([x1 - x0, y1 - y0], 1.0)
    return np.column_stack([np.diag(scale), -scale * [x0, y0]])


def cut(
    frames: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    spec: ClipSpec,
    jitter: Jitter | None = None,
) -> NDArray[np.uint8]:
    """A detector's clip uint8 [T, size, size, 3] from stored frames [T, S, S, 3]."""
    matrix = geometry(boxes, landmarks, spec)
    return warp(frames, matrix if jitter is None else jitter.moved(matrix, spec.size), spec)


def warp(
    frames: NDArray[np.uint8], matrix: NDArray[np.float64], spec: ClipSpec
) -> NDArray[np.uint8]:
    """Frames [T, S, S, 3] through one affine map [2, 3] -> uint8 [T, size, size, 3]."""
    return np.stack([_warp(frame, matrix, spec) for frame in frames])


def _warp(
    frame: NDArray[np.uint8], matrix: NDArray[np.float64], spec: ClipSpec
) -> NDArray[np.uint8]:
    # warpAffine looks at four pixels only: reduce by area first where it would skip some. Pixel
    # centres lie at half units in both pictures, hence the two half-pixel shifts.
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    linear, shift = matrix[:, :2], matrix[:, 2]
    if scale < 0.75 and spec.resize != "nearest":
        side = max(round(frame.shape[0] * scale), 1)
        linear = linear * (frame.shape[0] / side)
        frame = np.asarray(cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    centred = np.column_stack([linear, shift + linear @ [0.5, 0.5] - 0.5])
    how = cv2.INTER_NEAREST if spec.resize == "nearest" else cv2.INTER_LINEAR
    size = (spec.size, spec.size)
    warped = cv2.warpAffine(frame, centred, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)
