"""The canonical face: outline, relief, landmarks. Lengths in pixels of a 320 x 384 canvas.

Points are written relative to the middle of the face, x to the right and y down. The relief does
two jobs: its slope takes the light, and its height moves pixels when the head turns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbench_sample.drawing.people import Person

# Names for what is meant; which type and shape, the docstrings say.
Image = NDArray[Any]  # uint8 [H, W, channels], red first
Floats = NDArray[Any]  # float32 on the canvas
Points = NDArray[Any]  # float [..., 2], x and y

WIDTH, HEIGHT = 320, 384
CENTRE = np.array([160.0, 176.0], np.float32)  # where the middle of the face lies on the canvas
X: Floats = (np.arange(WIDTH, dtype=np.float32) - CENTRE[0])[None, :]
Y: Floats = (np.arange(HEIGHT, dtype=np.float32) - CENTRE[1])[:, None]
WIDEST = -12.0  # y at which the face is widest


def half_width(person: Person, y: Floats) -> Floats:
    """Half the width of the head at height ``y``; 0 above the crown and below the chin."""
    up = np.clip((WIDEST - y) / (person.crown + WIDEST), 0, 1)
    down = np.clip((y - WIDEST) / (person.chin - WIDEST), 0, 1)
    profile = np.sqrt(1 - up**2.2) * np.sqrt(1 - down**person.jaw)
    return np.asarray(person.half_width * profile, np.float32)


def soft(distance: Floats, width: float = 1.0) -> Floats:
    """Coverage 0..1 of an edge ``width`` pixels soft; ``distance`` is positive inside."""
    return np.asarray(np.clip(distance / width + 0.5, 0, 1), np.float32)


def bump(x: float, y: float, wide: float, high: float) -> Floats:
    """A Gaussian hill of height 1, float32 [HEIGHT, WIDTH]."""
    down, across = -0.5 * ((Y - y) / high) ** 2, -0.5 * ((X - x) / wide) ** 2
    return np.asarray(np.exp(down) * np.exp(across), np.float32)


def pair(x: float, y: float, wide: float, high: float) -> Floats:
    """Two such hills, left and right of the middle."""
    return bump(-x, y, wide, high) + bump(x, y, wide, high)


def skull(person: Person) -> Floats:
    """Height of the bare head, float32 [HEIGHT, WIDTH]: an ellipsoid that follows the outline."""
    wide = half_width(person, WIDEST + 0.93 * (Y - WIDEST))  # steep, not vertical, at the edge
    across = 1 - 0.97 * np.clip(X / np.maximum(wide, 1), -1, 1) ** 2
    along = 1 - np.clip((Y - WIDEST) / 150, -1, 1) ** 2
    return np.asarray(74 * np.sqrt(across * along), np.float32)


def relief(person: Person) -> Floats:
    """Height of the face towards the camera, float32 [HEIGHT, WIDTH], 0..100 pixels."""
    p, nose = person, _nose(person)
    sockets = -8.5 * pair(p.eye_gap * 0.95, p.eye_y - 3, 15, 9)
    balls = 3.2 * pair(p.eye_gap, p.eye_y, 9, 6)
    brows = 4.5 * pair(p.eye_gap, p.eye_y - p.brow_lift - 2, 20, 7)
    cheeks = 7.5 * pair(p.eye_gap * 1.25, p.nose_y - 8, 16, 14)
    mouth = 7.5 * bump(0, p.mouth_y, p.mouth_half, 13) - 2.5 * bump(0, p.mouth_y + p.lip * 2, 16, 4)
    chin = 7.5 * bump(0, p.chin - 17, 17, 11) - 1.2 * bump(0, p.mouth_y - 15, 3, 8)
    folds = -(2.0 + 2.2 * p.age) * pair(p.mouth_half + 4, p.mouth_y - 14, 4, 12)
    features = nose + sockets + balls + brows + cheeks + mouth + chin + folds
    return np.asarray(skull(p) + features, np.float32)


def _nose(p: Person) -> Floats:
    top, tip = p.eye_y - 6, p.nose_y
    along = np.clip((Y - top) / (tip - top), 0, 1)
    below = np.exp(-0.5 * (np.maximum(Y - tip, 0) / 4.5) ** 2)
    ridge = p.nose_height * (0.25 + 0.75 * along**1.3) * below
    ridge = ridge * np.exp(-0.5 * (np.maximum(top - Y, 0) / 8) ** 2)
    across = np.exp(-0.5 * (X / (4.5 + 0.38 * p.nose_half * along)) ** 2)
    wings = 0.38 * p.nose_height * pair(p.nose_half * 0.78, tip + 2, 4.5, 5)
    return np.asarray(ridge * across + wings, np.float32)


def landmarks(person: Person) -> Floats:
    """The five points of the resting face, float32 [5, 2]: eyes, nose tip, mouth corners, the
    image's left first."""
    p = person
    points = [
        (-p.eye_gap, p.eye_y),
        (p.eye_gap, p.eye_y),
        (0, p.nose_y - 3),
        (-p.mouth_half, p.mouth_y),
        (p.mouth_half, p.mouth_y),
    ]
    return np.array(points, np.float32)


def outline(person: Person, top: float, inset: float = 0.0) -> Floats:
    """Closed outline of the face from ``y = top`` to the chin, float32 [N, 2], ``inset`` pixels
    further in."""
    down = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 48))  # close steps where it rounds off
    y = (top + inset + (person.chin - top - 2 * inset) * down).astype(np.float32)
    wide = np.maximum(half_width(person, y) - inset, 0)
    right = np.stack([wide, y], 1)
    return np.concatenate([right, right[::-1] * np.array([-1, 1], np.float32)])


def fixed(points: Points) -> NDArray[np.int32]:
    """Canvas coordinates in 1/16 pixel, as OpenCV's drawing functions take them."""
    return np.round((points + CENTRE) * 16).astype(np.int32)
