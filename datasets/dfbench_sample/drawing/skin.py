"""Skin: colour with pores, freckles and blush, and the light upon a relief.

The fine grain matters beyond looks: it is what the face-warping pipeline loses.
"""

from __future__ import annotations

import cv2
import numpy as np

from dfbench_sample.drawing.people import Light, Person
from dfbench_sample.drawing.shape import HEIGHT, WIDTH, Floats, X, Y, bump, fixed, pair, soft


def shade(height: Floats, light: Light) -> Floats:
    """Brightness per channel of a relief under ``light``, about 0..1.2, float32 [H, W, 3]."""
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    to_x, to_y, to_z = light.towards
    facing = (to_z - slope_x * to_x - slope_y * to_y) / length
    direct = np.clip(0.82 * facing + 0.18, 0, None)  # wraps a little past the edge, as skin does
    hollow = np.clip(1 - 0.034 * (cv2.GaussianBlur(height, (0, 0), 5) - height), 0.6, 1.06)
    level = (light.ambient + (1 - light.ambient) * direct * 1.2) * hollow
    warm = np.array([0.88, 1.04, 1.14], np.float32)  # shadows on skin turn red
    gloss = np.clip(facing, 0, 1) ** 28 * 0.10
    return np.asarray((level[..., None] ** warm + gloss[..., None]) * light.tint, np.float32)


def albedo(person: Person) -> Floats:
    """Colour of the bare skin in full light, 0..255, float32 [HEIGHT, WIDTH, 3]."""
    p = person
    red = 0.8 * pair(p.eye_gap * 1.25, p.nose_y, 18, 14) + 0.5 * bump(0, p.nose_y, p.nose_half, 9)
    tired = (0.35 + 0.5 * p.age) * pair(p.eye_gap * 0.95, p.eye_y + 10, 11, 4)
    lids = 0.5 * pair(p.eye_gap, p.eye_y - 8, 15, 5)
    gain = np.ones((HEIGHT, WIDTH, 3), np.float32)
    gain += (red + 0.4 * lids)[..., None] * np.array([0.02, -0.10, -0.09], np.float32)
    gain -= (0.16 * tired)[..., None] * np.array([0.8, 1.0, 0.9], np.float32)
    gain *= 1 - 0.6 * _nostrils(p)[..., None]
    gain *= _grain(p)
    if p.beard:
        gain *= 1 - (0.30 * p.beard * beard_area(p))[..., None] * np.array([1, 0.9, 0.8], "f4")
    return np.asarray(gain * np.array(p.skin, np.float32), np.float32)


def _nostrils(p: Person) -> Floats:
    x, y = p.nose_half * 0.5, p.nose_y + 5.5
    return pair(x, y, 2.9, 1.5)


def _grain(p: Person) -> Floats:
    """Pores, blotches, freckles and lines as a gain around 1, float32 [HEIGHT, WIDTH, 3]."""
    rng = p.stream("grain")
    noise = rng.standard_normal((HEIGHT, WIDTH), np.float32)
    pores = cv2.GaussianBlur(noise, (0, 0), 0.9) - cv2.GaussianBlur(noise, (0, 0), 2.2)
    blotches = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH), np.float32), (0, 0), 4.0)
    grain = 1 + (0.115 + 0.05 * p.age) * pores + 0.16 * blotches
    marks = _freckles(p, rng) + _lines(p, rng)
    return np.asarray(grain[..., None] - marks[..., None] * np.array([0.7, 1.0, 1.1], "f4"), "f4")


def _freckles(p: Person, rng: np.random.Generator) -> Floats:
    marks = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(p.freckles):
        x, y = rng.normal(0, 0.5) * p.half_width, rng.normal(p.nose_y - 14, 22)
        spot = fixed(np.array([x, y])).tolist()
        radius = int(16 * rng.uniform(0.5, 1.3))
        cv2.circle(marks, spot, radius, float(rng.uniform(0.10, 0.34)), -1, cv2.LINE_8, 4)
    return cv2.GaussianBlur(marks, (0, 0), 0.8)


def _lines(p: Person, rng: np.random.Generator) -> Floats:
    """Lines of the forehead, at the eyes' outer corners, and from nose to mouth."""
    marks = np.zeros((HEIGHT, WIDTH), np.float32)
    strength = 0.05 + 0.20 * p.age
    x = np.linspace(-1, 1, 16)

    def stroke(points: Floats, depth: float) -> None:
        cv2.polylines(marks, [fixed(points)], False, depth, 1, cv2.LINE_8, 4)

    for row in range(3 if p.age > 0.4 else 0):
        y = p.eye_y - p.brow_lift - 14 - 8 * row + 3 * x**2 + rng.normal(0, 0.4, x.size)
        stroke(np.stack([x * rng.uniform(24, 36) + rng.normal(0, 3), y], 1), 0.8 * strength)
    for side in (-1, 1):
        bend = np.stack(
            [
                side
                * (
                    p.nose_half
                    + 5
                    + (p.mouth_half - p.nose_half + 1) * (x + 1) / 2
                    + 2.5 * (1 - x**2)
                ),
                p.nose_y + 2 + 12 * (x + 1),
            ],
            1,
        )
        stroke(bend, strength)
    return cv2.GaussianBlur(marks, (0, 0), 1.0)


def beard_area(p: Person) -> Floats:
    """Where a beard grows, 0..1, float32 [HEIGHT, WIDTH]."""
    edge = p.mouth_y - 19 - 34 * np.clip((np.abs(X) - p.mouth_half) / p.half_width, 0, 1)
    lips = ((X / (p.mouth_half + 2)) ** 2 + ((Y - p.mouth_y - 1) / (p.lip * 2)) ** 2) < 1
    cheek = 1 - soft(p.nose_y + 14 - Y, 4) * soft(p.mouth_half + 3 - np.abs(X), 6)
    return np.asarray(soft(Y - edge, 10) * cheek * ~lips, np.float32)
