"""What moves within a face: eyes with lids and lashes, and the mouth. Drawn anew in each frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench_sample.drawing.motion import Pose
from dfbench_sample.drawing.people import Colour, Person
from dfbench_sample.drawing.shape import CENTRE, Floats, Image, Points

EYE = (56, 40)  # size of the patch an eye is drawn on: width, height
MOUTH = (84, 64)


class Patch:
    """A small window of the canvas around ``at`` (canonical coordinates) to draw on."""

    def __init__(self, at: tuple[float, float], size: tuple[int, int]) -> None:
        self.at = np.array(at) + CENTRE
        self.corner = np.round(self.at - np.array(size) / 2).astype(int)
        self.size = size
        self.window = (
            slice(self.corner[1], self.corner[1] + size[1]),
            slice(self.corner[0], self.corner[0] + size[0]),
        )

    def fixed(self, points: Points) -> NDArray[np.int32]:
        """Patch coordinates in 1/16 pixel, as OpenCV's drawing functions take them."""
        return np.asarray(np.round((points + (self.at - self.corner)) * 16), np.int32)

    def mask(self, polygon: Points) -> Image:
        """Coverage of a polygon, uint8 [H, W]."""
        mask = np.zeros(self.size[::-1], np.uint8)
        cv2.fillPoly(mask, [self.fixed(polygon)], 255, cv2.LINE_AA, 4)
        return mask


def lay(canvas: Image, colour: Image | Colour, mask: Image, strength: float = 1.0) -> None:
    """Put ``colour`` over ``canvas`` [H, W, 3] in place, where ``mask`` [H, W] says so."""
    share = mask[..., None].astype(np.float32) * (strength / 255)
    canvas[:] = canvas + (np.asarray(colour, np.float32) - canvas) * share + 0.5


def down(points: Points, by: float) -> Points:
    """``points`` moved down."""
    return np.asarray(points + np.array([0, by]))


def under(colour: Colour, light: Floats) -> Colour:
    """``colour`` as it looks under ``light`` (gain per channel)."""
    red, green, blue = (np.array(colour) * light).tolist()
    return red, green, blue


class Eye:
    """One eye; ``side`` is -1 for the image's left, 1 for the right."""

    def __init__(self, person: Person, side: int, lit: Floats) -> None:
        self.person, self.side = person, side
        self.patch = Patch((side * person.eye_gap, person.eye_y), EYE)
        self.light = lit[self.patch.window].mean((0, 1))
        self.ball = _eyeball(person, self.light)
        self.x = np.linspace(-1, 1, 15)

    def draw(self, canvas: Image, pose: Pose) -> None:
        """Draw the open part of the eye, its lids and lashes onto the RGBA canvas."""
        p, patch, area = self.person, self.patch, canvas[self.patch.window][..., :3]
        upper, lower = self._lids(pose)
        shift = np.array([[1, 0, pose.look_x * 5.0 - 8], [0, 1, pose.look_y * 2.5 - 8]], np.float32)
        shift[:, 2] += (patch.at - patch.corner) - np.array(EYE) / 2
        ball = cv2.warpAffine(self.ball, shift, EYE)
        picture = area.copy()
        lay(picture, ball, patch.mask(np.concatenate([upper, lower[::-1]])))
        dark = under(p.skin, 0.22 * self.light)
        fold = under(p.skin, 0.66 * self.light)
        crease = down(upper, 2.0 * pose.blink - 3.4)
        lines = (
            ([crease[1:-1]], fold, 1),
            ([down(lower, 0.8)], fold, 1),
            ([upper], dark, 2),
            (self._lashes(upper, pose), dark, 1),
        )
        for points, tone, thick in lines:
            cv2.polylines(
                picture, [patch.fixed(q) for q in points], False, tone, thick, cv2.LINE_AA, 4
            )
        area[:] = picture

    def _lids(self, pose: Pose) -> tuple[Points, Points]:
        p, x, round_ = self.person, self.x, 1 - self.x**2
        slant = -p.eye_slant * x * self.side
        upper = -p.eye_open * round_**0.75
        lower = 0.68 * p.eye_open * round_
        upper = upper + (lower * 0.9 - upper) * pose.blink
        along = x * p.eye_half
        return np.stack([along, upper + slant], 1), np.stack([along, lower + slant], 1)

    def _lashes(self, upper: Points, pose: Pose) -> list[Points]:
        roots = upper[2:-2:2]
        out = np.stack([roots[:, 0] * 0.12, np.full(len(roots), -3.0 + 5.0 * pose.blink)], 1)
        return [np.stack([root, root + way]) for root, way in zip(roots, out, strict=True)]


def _eyeball(p: Person, light: Floats) -> Image:
    """White, iris, pupil and highlight, uint8 [40 + 16, 56 + 16, 3]."""
    wide, high = EYE[0] + 16, EYE[1] + 16
    x, y = np.arange(wide) - wide / 2, (np.arange(high) - high / 2)[:, None]
    radius = np.sqrt(x**2 + y**2)
    white = np.array([236, 230, 226]) * (1 - 0.0011 * x[None, :, None] ** 2)
    white = white * np.clip(1 + 0.05 * (y[..., None] + 1), 0.72, 1) * light
    iris_radius = 0.46 * p.eye_half
    angle = np.arctan2(y, x)
    rays = 1 + 0.22 * np.sin(angle * 17) * np.sin(angle * 5 + p.number)
    tone = rays * (0.75 + 0.5 * np.clip(radius / iris_radius, 0, 1)) * (1 + 0.03 * y)
    tone *= 1 - 0.55 * np.clip((radius - iris_radius + 1.8) / 1.8, 0, 1)
    iris = tone[..., None] * np.array(p.iris) * 1.15

    def cover(r: float) -> Floats:
        return np.asarray(np.clip(r - radius + 0.5, 0, 1)[..., None], np.float32)

    picture = white + (iris - white) * cover(iris_radius)
    picture = picture * (1 - 0.93 * cover(0.42 * iris_radius))
    glint = np.exp(-((x - 2.2) ** 2 + (y + 2.4) ** 2) / 2.2)[..., None]
    return np.asarray(np.clip(picture + (250 - picture) * glint, 0, 255), np.uint8)


class Mouth:
    """Lips, teeth, tongue."""

    def __init__(self, person: Person, lit: Floats) -> None:
        self.person = person
        self.patch = Patch((0, person.mouth_y), MOUTH)
        light = lit[self.patch.window]
        self.level = light.mean((0, 1))
        ridges = person.stream("lips").standard_normal((1, MOUTH[0], 1))
        grain = 1 + 0.07 * np.broadcast_to(ridges, (MOUTH[1], MOUTH[0], 1))
        self.skin = np.clip(np.array(person.lips) * light * grain, 0, 255).astype(np.float32)
        self.x = np.linspace(-1, 1, 21)

    def corners(self, pose: Pose) -> Points:
        """The two corners in canonical coordinates, [2, 2], the image's left first."""
        half = self.person.mouth_half * (1 + 0.16 * pose.smile - 0.14 * pose.open)
        y = self.person.mouth_y - 3.5 * pose.smile + 2 * pose.open
        return np.array([[-half, y], [half, y]])

    def draw(self, canvas: Image, pose: Pose) -> None:
        """Draw the mouth onto the RGBA canvas."""
        patch, area = self.patch, canvas[self.patch.window][..., :3]
        top, inner_top, inner_low, low = self._curves(pose)
        picture = area.copy()
        lips = patch.mask(np.concatenate([top, low[::-1]]))
        lay(picture, self.skin, cv2.GaussianBlur(lips, (3, 3), 0))
        upper = patch.mask(np.concatenate([top, inner_top[::-1]]))
        lay(picture, (40, 12, 14), upper, 0.22)
        gleam = down(inner_low[5:-5], 0.5 * self.person.lip)
        shine = patch.mask(np.concatenate([gleam, down(gleam, 2.0)[::-1]]))
        lay(picture, (255, 235, 230), cv2.GaussianBlur(shine, (5, 5), 0), 0.20)
        inside = self._inside(pose, inner_top)
        lay(picture, inside, patch.mask(np.concatenate([inner_top, inner_low[::-1]])))
        seam = under(self.person.lips, 0.35 * self.level)
        cv2.polylines(picture, [patch.fixed(inner_top)], False, seam, 1, cv2.LINE_AA, 4)
        area[:] = picture

    def _curves(self, pose: Pose) -> tuple[Points, Points, Points, Points]:
        """Upper edge, the two edges of the opening, lower edge; each [21, 2]."""
        p, x, round_ = self.person, self.x, np.clip(1 - self.x**2, 0, 1)
        (left, y), (right, _) = self.corners(pose) - (0, p.mouth_y)
        half, gap = (right - left) / 2, 17 * pose.open
        bend = y * x**2 + 0.8 * np.cos(3 * np.pi * x) * (1 - pose.open) * round_
        inner_top = bend - 0.30 * gap * round_**0.6
        inner_low = np.maximum(bend + 0.70 * gap * round_**0.7, inner_top)
        bow = 1 - 0.30 * np.exp(-((x / 0.16) ** 2))
        top = inner_top - p.lip * round_**0.8 * bow
        low = inner_low + 1.25 * p.lip * round_**0.7
        a, b, c, d = (np.stack([x * half, edge], 1) for edge in (top, inner_top, inner_low, low))
        return a, b, c, d

    def _inside(self, pose: Pose, inner_top: Points) -> Image:
        patch, gap = self.patch, 17 * pose.open
        inside = np.empty((*MOUTH[::-1], 3), np.uint8)
        inside[:] = (52, 18, 20)
        teeth = inner_top[3:-3]
        edge = down(teeth, min(0.30 * gap + 2, 6.5))[::-1]
        tone = under((222, 214, 200), self.level)
        cv2.fillPoly(inside, [patch.fixed(np.concatenate([teeth, edge]))], tone, cv2.LINE_AA, 4)
        tongue = patch.fixed(np.array([[0, 0.85 * gap]]))[0].tolist()
        size = (int(0.5 * self.person.mouth_half * 16), int(0.32 * gap * 16))
        red = under((150, 70, 72), self.level)
        cv2.ellipse(inside, tongue, size, 0, 0, 360, red, -1, cv2.LINE_AA, 4)
        return inside
