"""What is behind the head: background, neck, shoulders and clothes of one video."""

from __future__ import annotations

import cv2
import numpy as np

from dfbench_sample.drawing.head import SIZE
from dfbench_sample.drawing.motion import Pose
from dfbench_sample.drawing.people import Light, Person, stream
from dfbench_sample.drawing.shape import Floats, Image, soft

GRID_X = np.arange(SIZE, dtype=np.float32)[None, :]
GRID_Y = np.arange(SIZE + 16, dtype=np.float32)[:, None]  # the body may rise by that much
GROUND = (len(GRID_Y), SIZE)


class Scene:
    """Background and body. ``place`` puts a head in front of them."""

    def __init__(self, person: Person, light: Light, take: int, rest: Pose) -> None:
        rng = stream(person.seed, "scene", person.number, take)
        self.background = _background(rng)
        self.rest = rest
        self.body = _body(person, light, rng, rest)

    def place(self, head: Image, pose: Pose) -> Image:
        """The frame, RGB uint8 [SIZE, SIZE, 3]; the body follows the head by a third."""
        dx, dy = 0.35 * (pose.x - self.rest.x), 0.35 * (pose.y - self.rest.y)
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        body = cv2.warpAffine(self.body, shift, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        return over(head, over(body, self.background))


def over(front: Image, back: Image) -> Image:
    """Premultiplied RGBA over RGB."""
    clear = cv2.cvtColor(255 - front[..., 3], cv2.COLOR_GRAY2RGB)
    return cv2.add(cv2.multiply(back, clear, scale=1 / 255), front[..., :3])


def _background(rng: np.random.Generator) -> Image:
    """A gradient with shapes out of focus."""
    corners = rng.uniform(50, 205) + rng.uniform(-24, 24, 3) + rng.uniform(-26, 26, (2, 2, 3))
    picture = cv2.resize(corners.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    for _ in range(rng.integers(3, 9)):
        tone = tuple(float(v) for v in rng.uniform(30, 225) + rng.uniform(-24, 24, 3))
        (x, y), (w, h) = rng.integers(0, SIZE, 2).tolist(), rng.integers(20, 110, 2).tolist()
        if rng.uniform() < 0.5:
            cv2.rectangle(picture, (x - w // 2, y - h), (x + w // 2, y + h), tone, -1)
        else:
            cv2.circle(picture, (x, y), w // 3, tone, -1)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(3, 9))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _body(p: Person, light: Light, rng: np.random.Generator, rest: Pose) -> Image:
    """Neck and shoulders, premultiplied RGBA."""
    x = (GRID_X - rest.x) / rest.scale
    y = (GRID_Y - rest.y) / rest.scale  # canonical units, around the resting face
    base = p.chin + rng.uniform(22, 34)
    slope = rng.uniform(0.20, 0.34)
    neck_half = p.half_width * rng.uniform(0.60, 0.70)
    flare = np.clip((y - p.chin + 8) / 45, 0, 1) ** 2 * 16
    neck = soft((neck_half + flare - np.abs(x)) * rest.scale) * (y > 0)
    roundness = 1 - (np.abs(x) / (neck_half * 1.25)).clip(0, 1) ** 2.5
    side = 1 + 0.3 * light.towards[0] * np.clip(x / neck_half, -1, 1)
    chin_shadow = 0.62 + 0.38 * np.clip((y - p.chin - 2 + 0.006 * x**2) / 30, 0, 1)
    grain = 1 + 0.10 * cv2.GaussianBlur(rng.standard_normal(GROUND, np.float32), (0, 0), 0.8)
    tone = grain * (0.35 + 0.65 * roundness) * side * chin_shadow * 0.92
    picture = np.zeros((*GROUND, 4), np.float32)
    _lay(picture, tone[..., None] * np.array(p.skin, np.float32) * light.tint, neck)
    cloth = _cloth(rng, x, y, light)
    top = base + slope * np.abs(x) + 46 * np.clip(np.abs(x) / 190, 0, 1.4) ** 4
    inside = (np.abs(x) / (neck_half + 12)).clip(0, 1)
    below = y - top - rng.uniform(8, 26) * (1 - inside ** rng.uniform(1, 3))
    collar = 1 - 0.35 * np.exp(-0.5 * ((below - 5) / 2.5) ** 2)
    _lay(picture, cloth * collar[..., None], soft(below * rest.scale, 1.3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _cloth(rng: np.random.Generator, x: Floats, y: Floats, light: Light) -> Floats:
    dye = (rng.uniform(25, 210) + rng.uniform(-36, 36, 3)).clip(12, 235)
    weave = cv2.GaussianBlur(rng.standard_normal(GROUND, np.float32), (0, 0), 0.7) * 0.12
    folds = cv2.GaussianBlur(rng.standard_normal(GROUND, np.float32), (0, 0), 9, None, 5) * 2.2
    shading = 1 - 0.5 * (np.abs(x) / 230).clip(0, 1) ** 2
    shading = shading * (1 + 0.35 * light.towards[0] * x / 200)
    stripes = 0.16 * np.sign(np.sin(y / rng.uniform(3, 8))) * (rng.uniform() < 0.25)
    gain = shading * (1 + weave + folds + stripes)
    return np.asarray(gain[..., None] * dye * light.tint, np.float32)


def _lay(picture: Floats, colour: Floats, cover: Floats) -> None:
    share = cover[..., None]
    picture *= 1 - share
    picture[..., :3] += colour * share
    picture[..., 3:] += 255 * share
