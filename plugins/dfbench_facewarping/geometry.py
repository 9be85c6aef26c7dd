"""Where a face lies: 68 points, the map that brings it upright, and the regions cut out around it.

Li & Lyu, "Exposing DeepFake Videos By Detecting Face Warping Artifacts", CVPR Workshops 2019.
Points are in the order of iBUG's 300-W set: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47,
mouth 48-67.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfbench import DataError, fit_similarity, five_points

Points = NDArray[np.float64]
JAW = 17
BROWS = np.arange(17, 27)
MOUTH_BOTTOM = np.arange(48, 60)[[0, *range(6, 12)]]  # the corners and the lower edge of the lips
LEFT_EYE, RIGHT_EYE = np.arange(36, 42), np.arange(42, 48)

# The mean of brows, nose, eyes and mouth in the unit square, as dlib gives it
# (dlib/image_transforms/interpolation.h, Boost Software Licence): point i is (x[i], y[i]).
_MEAN_X = (
    0.000213256, 0.0752622, 0.18113, 0.29077, 0.393397, 0.586856, 0.689483, 0.799124, 0.904991,
    0.98004, 0.490127, 0.490127, 0.490127, 0.490127, 0.36688, 0.426036, 0.490127, 0.554217,
    0.613373, 0.121737, 0.187122, 0.265825, 0.334606, 0.260918, 0.182743, 0.645647, 0.714428,
    0.793132, 0.858516, 0.79751, 0.719335, 0.254149, 0.340985, 0.428858, 0.490127, 0.551395,
    0.639268, 0.726104, 0.642159, 0.556721, 0.490127, 0.423532, 0.338094, 0.290379, 0.428096,
    0.490127, 0.552157, 0.689874, 0.553364, 0.490127, 0.42689,
)  # fmt: skip
_MEAN_Y = (
    0.106454, 0.038915, 0.0187482, 0.0344891, 0.0773906, 0.0773906, 0.0344891, 0.0187482, 0.038915,
    0.106454, 0.203352, 0.307009, 0.409805, 0.515625, 0.587326, 0.609345, 0.628106, 0.609345,
    0.587326, 0.216423, 0.178758, 0.179852, 0.231733, 0.245099, 0.244077, 0.231733, 0.179852,
    0.178758, 0.216423, 0.244077, 0.245099, 0.780233, 0.745405, 0.727388, 0.742578, 0.727388,
    0.745405, 0.780233, 0.864805, 0.902192, 0.909281, 0.902192, 0.864805, 0.784792, 0.778746,
    0.785343, 0.778746, 0.784792, 0.824182, 0.831803, 0.824182,
)  # fmt: skip
MEAN_FACE: Points = np.stack([_MEAN_X, _MEAN_Y], axis=1)
"""The unit mean face without the jaw, [51, 2]."""


def _mean_jaw() -> Points:
    """Half an ellipse from ear to ear through the chin: dlib's mean face has no jaw."""
    angle = np.linspace(0, np.pi, JAW)
    middle, ears, half_width, chin = 0.490127, 0.22, 0.59, 1.15
    return np.stack([middle - half_width * np.cos(angle), ears + (chin - ears) * np.sin(angle)], 1)


MEAN_68: Points = np.concatenate([_mean_jaw(), MEAN_FACE])
"""The unit mean face with a jaw, [68, 2]."""


def points68(landmarks: NDArray[np.floating]) -> Points:
    """68 points of one face from 68 or from 5 (eyes, nose tip, mouth corners) [K, 2], in their
    pixels. Five points get the mean face, laid over them by a similarity."""
    if len(landmarks) == 68:
        return np.asarray(landmarks, np.float64)
    matrix = fit_similarity(five_points(MEAN_68), landmarks)
    return MEAN_68 @ matrix[:, :2].T + matrix[:, 2]


def check_landmarks(landmarks: NDArray[np.floating], wanted: int, name: str) -> None:
    """Raises DataError when ``landmarks`` [T, K, 2] are not the ``wanted`` number a face."""
    found = landmarks.shape[-2]
    if found != wanted:
        raise DataError(
            f"{name} was asked to use {wanted} landmarks a face, but there are {found}: say "
            f"{name}:landmarks={found}, or choose --faces that give {wanted}"
        )


def alignment(points: Points) -> Points:
    """Similarity [2, 3] from pixels to the unit mean face, of 68 points (without the jaw)."""
    return fit_similarity(points[JAW:], MEAN_FACE)


def blur_size(points: Points) -> int:
    """Odd side, pixels, of the kernel that softens a seam: 0.6 of the distance of the eyes."""
    eyes = points[LEFT_EYE].mean(0) - points[RIGHT_EYE].mean(0)
    return int(0.6 * np.linalg.norm(eyes)) | 1


def jittered_region(
    points: Points,
    draw: np.random.RandomState | np.random.Generator,
    size: tuple[int, int] | None = None,
) -> Points:
    """x0, y0, x1, y1 of a face and some of what surrounds it (paper, section 3.2).

    The bounds of the points, wider by up to an eighth on each side, higher by up to a fifth and
    lower by half of that. ``size``: width and height of a picture; the region is then cut back to
    it and to whole pixels.
    """
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    integers = draw.randint if isinstance(draw, np.random.RandomState) else draw.integers
    wider = int(integers(max(int((x1 - x0) / 8), 1)))
    higher = int(integers(max(int((y1 - y0) / 5), 1)))
    region = np.array([x0 - wider, y0 - higher, x1 + wider, y1 + 0.5 * higher])
    if size is None:
        return region
    kept: Points = np.floor(np.clip(region, 0, [size[0] - 1, size[1] - 1] * 2))
    return kept


def fixed_regions(points: Points, count: int = 10) -> Points:
    """The regions at test [count, 4]: those of the legacy seeds 0, 1, 2 …, always the same."""
    seeds = range(count)
    return np.stack([jittered_region(points, np.random.RandomState(seed)) for seed in seeds])
