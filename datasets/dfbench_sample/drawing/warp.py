"""The ``warp`` manipulation: another face, aligned, shrunk, blurred, warped back and blended.

These are the steps of Li & Lyu, "Exposing DeepFake Videos By Detecting Face Warping Artifacts"
(CVPR Workshops 2019), which imitate a face generator of limited resolution: what it makes is
resized to the target and carries less detail than the skin around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dfbench_sample.drawing.head import SIZE, Head
from dfbench_sample.drawing.motion import Pose
from dfbench_sample.drawing.shape import Floats, Image, Points, outline


@dataclass(frozen=True)
class Swap:
    """How one fake is made; constant over a video, so the fake is as smooth in time as its source.

    resolution: side of the small face picture, pixels; blur: standard deviation of the Gaussian
    there; feather: softness of the seam in frame pixels; matching: how far the donor's mean
    colour is pulled to the target's, 0..1.
    """

    resolution: int
    blur: float
    feather: float
    matching: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Swap:
        """A swap as this dataset makes them."""
        return cls(
            int(rng.integers(72, 97)),
            float(rng.uniform(0.5, 0.8)),
            float(rng.uniform(2.5, 5.0)),
            float(rng.uniform(0.8, 0.95)),
        )


def warp(frame: Image, target: Head, donor: Head, pose: Pose, swap: Swap) -> Image:
    """``frame`` (clean, RGB uint8 [H, W, 3]) of ``target`` with the face of ``donor``, which is
    drawn in the same pose, as a re-enactment would be."""
    goal = target.landmarks(pose)
    align = similarity(donor.landmarks(pose), goal)
    face = low_resolution(donor.draw(pose)[..., :3], align, target.box(pose), swap)
    hull = cv2.convexHull(target.points(pose, inner_face(target)).astype(np.float32))
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    gain = np.array(cv2.mean(frame, mask)[:3]) / np.array(cv2.mean(face, mask)[:3])
    share = cv2.GaussianBlur(mask, (0, 0), swap.feather)
    return blend(frame, face, gain**swap.matching, share)


def inner_face(head: Head) -> Points:
    """The region that is replaced: brows to chin, a little inside the face's outline."""
    p = head.person
    return outline(p, top=p.eye_y - p.brow_lift - 16, inset=8)


def similarity(source: Floats, goal: Floats) -> Points:
    """Least-squares rotation, scale and shift from points [N, 2] to points, float64 [2, 3]
    (Umeyama 1991, without mirror)."""
    a, b = source - source.mean(0), goal - goal.mean(0)
    turn = (a * b).sum() / (a**2).sum()
    skew = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / (a**2).sum()
    matrix = np.array([[turn, -skew], [skew, turn]])
    return np.column_stack([matrix, goal.mean(0) - matrix @ source.mean(0)])


def low_resolution(image: Image, align: Points, box: Floats, swap: Swap) -> Image:
    """``image`` moved by ``align`` into the frame by way of a picture of ``swap.resolution``."""
    side = 1.15 * float((box[2:] - box[:2]).max())
    shrink = 2 * swap.resolution / side
    corner = (box[:2] + box[2:] - side) / 2
    into = np.array([[shrink, 0, -shrink * corner[0]], [0, shrink, -shrink * corner[1]], [0, 0, 1]])
    whole = np.vstack([align, [0, 0, 1]])
    picture = cv2.warpAffine(image, (into @ whole)[:2], (2 * swap.resolution,) * 2)
    small = cv2.resize(picture, (swap.resolution,) * 2, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), swap.blur)
    back = np.linalg.inv(into)[:2] @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    return cv2.warpAffine(small, back, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)


def blend(frame: Image, face: Image, gain: Points, share: Image) -> Image:
    """``face`` times ``gain`` over ``frame`` where ``share`` (0..255) says so."""
    x, y, wide, high = cv2.boundingRect(share)
    window = slice(y, y + high), slice(x, x + wide)
    below = frame[window].astype(np.float32)
    above = np.minimum(face[window] * gain.astype(np.float32), 255)
    out = frame.copy()
    out[window] = below + (above - below) * (share[window][..., None] * np.float32(1 / 255)) + 0.5
    return out
