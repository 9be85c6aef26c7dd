"""A head: drawn once at rest, then in each frame its eyes and mouth, and put into the frame."""

from __future__ import annotations

import cv2
import numpy as np

from dfbench_sample.drawing import hair, skin
from dfbench_sample.drawing.features import Eye, Mouth
from dfbench_sample.drawing.motion import Pose
from dfbench_sample.drawing.people import Light, Person
from dfbench_sample.drawing.shape import (
    CENTRE,
    HEIGHT,
    WIDTH,
    Floats,
    Image,
    Points,
    X,
    Y,
    fixed,
    landmarks,
    outline,
    pair,
    relief,
    soft,
)

SIZE = 256  # side of a frame
PIXELS = np.arange(SIZE, dtype=np.float32)
COARSE = 4  # the displacement fields are smooth: one value every 4 pixels


class Head:
    """Person under a light. ``draw`` gives premultiplied RGBA frames, ``points`` follows points."""

    def __init__(self, person: Person, light: Light) -> None:
        self.person = person
        height = relief(person)
        lit = skin.shade(height, light)
        self.rest = _at_rest(person, light, lit)
        self.eyes = [Eye(person, side, lit) for side in (-1, 1)]
        self.mouth = Mouth(person, lit)
        self.fields = _fields(person, height)
        self.box_outline = outline(person, top=person.hairline - 6, inset=5)

    def draw(self, pose: Pose) -> Image:
        """The head in the frame, premultiplied RGBA, uint8 [SIZE, SIZE, 4]."""
        canvas = self.rest.copy()
        for eye in self.eyes:
            eye.draw(canvas, pose)
        self.mouth.draw(canvas, pose)
        return cv2.remap(canvas, *self._map(pose), cv2.INTER_LINEAR)

    def _map(self, pose: Pose) -> tuple[Floats, Floats]:
        """For each pixel of the frame where on the canvas it comes from."""
        back = cv2.invertAffineTransform(_placement(pose))
        coarse = _placement(pose) @ np.array([[COARSE, 0, 0], [0, COARSE, 0], [0, 0, 1.0]])
        moved = cv2.warpAffine(_displacement(self.fields, pose), coarse, (SIZE, SIZE))
        (a, b, c), (d, e, f) = back.astype(np.float32)
        x, y = PIXELS[None, :], PIXELS[:, None]
        return a * x + (b * y + c) - moved[..., 0], d * x + (e * y + f) - moved[..., 1]

    def points(self, pose: Pose, points: Points) -> Points:
        """Where points of the resting face [N, 2] lie in the frame, pixels."""
        moved = _displacement(self.fields, pose)
        at = points + CENTRE
        for _ in range(3):  # the field tells where a pixel comes from; we ask where it goes
            where = (at / COARSE).astype(np.float32)
            step = cv2.remap(moved, where[:, None, 0], where[:, None, 1], cv2.INTER_LINEAR)[:, 0]
            at = points + CENTRE + step
        place = _placement(pose)
        return at @ place[:, :2].T + place[:, 2]

    def landmarks(self, pose: Pose) -> Floats:
        """float32 [5, 2] in frame pixels, order as in ``dfbench.catalogue.records.Faces``."""
        rest = landmarks(self.person)
        rest[3:] = self.mouth.corners(pose)
        return self.points(pose, rest).astype(np.float32)

    def box(self, pose: Pose) -> Floats:
        """x0, y0, x1, y1 around the face from hairline to chin, float32 [4]."""
        around = self.points(pose, self.box_outline)
        return np.concatenate([around.min(0), around.max(0)]).astype(np.float32)


def _placement(pose: Pose) -> Points:
    """Affine map from canvas to frame, float64 [2, 3]."""
    turn = pose.scale * np.array(
        [[np.cos(pose.roll), -np.sin(pose.roll)], [np.sin(pose.roll), np.cos(pose.roll)]]
    )
    return np.column_stack([turn, np.array([pose.x, pose.y]) - turn @ CENTRE])


def _fields(person: Person, height: Floats) -> Floats:
    """Depth, jaw and brow fields on the coarse grid, float32 [3, HEIGHT / 4, WIDTH / 4]."""
    p = person
    jaw = soft(Y - (p.mouth_y + 8), 22) * np.exp(-0.5 * (X / 42) ** 2)
    brow = pair(p.eye_gap, p.eye_y - p.brow_lift - 4, 24, 9)
    depth = cv2.GaussianBlur(height, (0, 0), 3)
    fields, small = (depth, jaw, brow), (WIDTH // COARSE, HEIGHT // COARSE)
    return np.stack([cv2.resize(f, small, interpolation=cv2.INTER_AREA) for f in fields])


def _displacement(fields: Floats, pose: Pose) -> Floats:
    """How far each point is moved, canvas pixels, float32 [h, w, 2]."""
    depth, jaw, brow = fields
    x = np.float32(np.sin(pose.yaw)) * depth
    y = np.float32(np.sin(pose.pitch)) * depth + np.float32(9 * pose.open) * jaw
    return np.stack([x, y - np.float32(3.2 * pose.brow) * brow], 2)


def _at_rest(p: Person, light: Light, lit: Floats) -> Image:
    """The head without eyes and mouth, premultiplied RGBA, uint8 [HEIGHT, WIDTH, 4]."""
    behind, before = hair.coverage(p)
    strands = hair.colour(p, light)
    colour = np.clip(skin.albedo(p) * lit, 0, 255)
    canvas = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    _over(canvas, strands * 0.6, behind)
    if p.cut in ("short", "cropped", "bald"):
        _over(canvas, np.array(p.skin, np.float32) * (0.82 * lit.mean()), _ears(p))
    face = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(face, [fixed(outline(p, -p.crown))], 255, cv2.LINE_AA, 4)
    shadow = cv2.GaussianBlur(before, (0, 0), 4)[..., None]
    _over(canvas, colour * (1 - 0.35 * shadow), face.astype(np.float32) / 255)
    painted = np.clip(canvas, 0, 255).astype(np.uint8)
    hair.paint_brows(p, painted)
    hair.paint_beard(p, painted)
    if p.glasses:
        _glasses(p, painted)
    canvas = painted.astype(np.float32)
    _over(canvas, strands, before)
    return np.asarray(np.clip(canvas + 0.5, 0, 255), np.uint8)


def _over(canvas: Floats, colour: Floats, cover: Floats) -> None:
    share = cover[..., None]
    canvas *= 1 - share
    canvas[..., :3] += colour * share
    canvas[..., 3:] += 255 * share


def _ears(p: Person) -> Floats:
    x = np.abs(X) - p.half_width - 2
    inside = 1 - np.sqrt((x / 8) ** 2 + ((Y - 4) / 19) ** 2)
    return soft(inside * 8, 1.5)


def _glasses(p: Person, canvas: Image) -> None:
    for side in (-1, 1):
        turn = np.linspace(0, 2 * np.pi, 40)
        x = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.6 * 23 + side * (p.eye_gap + 1)
        y = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.6 * 16 + p.eye_y + 3
        cv2.polylines(
            canvas, [fixed(np.stack([x, y], 1))], True, (34, 30, 32, 255), 2, cv2.LINE_AA, 4
        )
        arm = np.array([[side * (p.eye_gap + 24), p.eye_y], [side * (p.half_width), p.eye_y - 4]])
        cv2.polylines(canvas, [fixed(arm)], False, (34, 30, 32, 255), 2, cv2.LINE_AA, 4)
    bridge = np.array([[23 - p.eye_gap, p.eye_y], [0, p.eye_y - 3], [p.eye_gap - 23, p.eye_y]])
    cv2.polylines(canvas, [fixed(bridge)], False, (34, 30, 32, 255), 2, cv2.LINE_AA, 4)
