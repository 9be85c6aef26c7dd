"""Hair, brows and beard: where they grow, and their strands.

Coverage is float32 [HEIGHT, WIDTH] in 0..1 on the canonical canvas of ``shape``.
"""

from __future__ import annotations

import cv2
import numpy as np

from dfbench_sample.drawing.people import Light, Person, mix
from dfbench_sample.drawing.shape import (
    HEIGHT,
    WIDEST,
    WIDTH,
    Floats,
    Image,
    Points,
    X,
    Y,
    fixed,
    half_width,
    soft,
)
from dfbench_sample.drawing.skin import beard_area, shade

CUTS = {  # volume above the skull, beside it, lowest y, length of a strand's fall
    "short": (13, 7, -6, 0),
    "cropped": (4, 2, -8, 0),
    "curly": (20, 16, 6, 0),
    "bob": (14, 15, 78, 92),
    "long": (13, 13, 240, 240),
    "bald": (0, 0, -40, 0),
}


def coverage(p: Person) -> tuple[Floats, Floats]:
    """All hair, and the part of it that hangs before the face."""
    if p.cut == "bald":
        nothing = np.zeros((HEIGHT, WIDTH), np.float32)
        return nothing, nothing
    noise = p.stream("hair edge").standard_normal((HEIGHT, WIDTH), np.float32)
    rough = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.3) * (6 if p.cut == "curly" else 2))
    hair = _mass(p, rough)
    return hair, hair * (1 - _face_opening(p, rough))


def _mass(p: Person, rough: Floats) -> Floats:
    """A dome over the skull and what hangs from it; the neck stays free."""
    above, beside, down, fall = CUTS[p.cut]
    wide, tall = p.half_width + beside, p.crown + above
    radius = np.sqrt((X / wide) ** 2 + ((Y - WIDEST) / (tall + WIDEST)) ** 2)
    dome = soft((1 - radius) * wide + rough, 2) * (Y < WIDEST + 2)
    end = np.clip((Y - WIDEST) / (down - WIDEST), 0, 1)
    swing = 5 * np.sin((Y - WIDEST) / 40) if fall else -1.2 * beside * end**2
    hanging = soft(wide + swing - np.abs(X) + rough, 2)
    hanging *= soft(down - Y + 2 * rough + 6 * np.cos(X / 9), 5) * (Y >= WIDEST + 2)
    neck = soft(Y - 40, 9) * soft(34 - np.abs(X), 6)
    return np.asarray(np.maximum(dome, hanging) * (1 - neck), np.float32)


def _face_opening(p: Person, rough: Floats) -> Floats:
    """Below the fringe and between the temples."""
    down, side = CUTS[p.cut][2], X / p.half_width
    fringe = p.hairline + 46 * np.abs(side) ** 3.2 + 10 * side * np.sign(p.part)
    temple = np.where(down - 8 > Y, half_width(p, Y) - (9 if down > 0 else 5), 200)
    return soft(Y - fringe + rough, 3) * soft(temple - np.abs(X) + rough, 3)


def colour(p: Person, light: Light) -> Floats:
    """What the hair looks like wherever it is, float32 [HEIGHT, WIDTH, 3] in 0..255."""
    _, beside, _, _ = CUTS[p.cut]
    across = 1 - np.clip(X / (p.half_width + beside + 6), -1, 1) ** 2
    along = 1 - np.clip(np.minimum(Y - WIDEST, 0) / (p.crown + 34), -1, 1) ** 2
    light_on = shade(np.asarray(70 * np.sqrt(across * along), np.float32), light)
    grey = _strands(p)
    shine = np.exp(-0.5 * ((Y + p.crown - 34 + 0.004 * X**2) / 11) ** 2) * 0.3 * (grey > 1.0)
    tones = (0.35 + 0.65 * grey + shine)[..., None]
    return np.asarray(tones * light_on * np.array(p.hair, np.float32), np.float32)


def _strands(p: Person) -> Floats:
    """Brightness of the strands around 1."""
    rng, grey = p.stream("strands"), np.full((HEIGHT, WIDTH), 110, np.uint8)
    draw = _curls if p.cut == "curly" else _falls
    for _ in range(90):
        tone = int(np.clip(rng.normal(122, 36), 20, 250))
        cv2.polylines(grey, list(fixed(draw(p, rng, 14))), False, tone, 1, cv2.LINE_AA, 4)
    return grey.astype(np.float32) / 128


def _falls(p: Person, rng: np.random.Generator, count: int) -> Points:
    """Strands that leave the parting, follow the skull like meridians, then hang."""
    above, beside, _, fall = CUTS[p.cut]
    u = np.linspace(0, 1, 14)
    arc, drop = np.minimum(u / 0.55, 1) * np.pi / 2, np.maximum(u - 0.55, 0) / 0.45
    spread, phase, start, end = rng.uniform(-1, 1, (4, count, 1))
    spread = np.sin(1.57 * spread)
    reach = (p.half_width + beside - np.sign(spread) * p.part) * (1 + 0.06 * start)
    x = p.part + spread * reach * np.sin(arc) + 2.5 * np.sin(drop * 7 + 3.1 * phase) * drop
    top, low = -p.crown - above + 4 + 6 * start, WIDEST + 8 * end
    return np.stack([x, top + (low - top) * (1 - np.cos(arc)) + fall * drop], 2)


def _curls(_: Person, rng: np.random.Generator, count: int) -> Points:
    x, y, size, phase = rng.uniform(-1, 1, (4, count, 1))
    turn = np.linspace(0, 5, 12) + 3.1 * phase
    size = 4 + 2 * size
    return np.stack([110 * x + size * np.cos(turn), 105 * y - 45 + size * np.sin(turn)], 2)


def paint_brows(p: Person, canvas: Image) -> None:
    """Brow hairs, onto the head's RGBA canvas."""
    rng = p.stream("brows")
    tone = mix(p.hair, (40, 30, 26), 0.35)
    for side in (-1, 1):
        for _ in range(8):
            x, up, lean, length = rng.uniform(-1, 1, (4, 15))
            root_x = p.eye_gap - 1 + 19 * x  # from the nose outwards
            arch = p.eye_y - p.brow_lift - 3.2 * (1 - (x - 0.3) ** 2) + 1
            root_y = arch + p.brow_weight * up * (1 - 0.55 * np.clip(x, 0, 1))
            tip_x, tip_y = root_x + 4 + 2.5 * length + 2 * x, root_y - 1.8 + 2.6 * x + lean
            hairs = np.stack([np.stack([root_x, root_y], 1), np.stack([tip_x, tip_y], 1)], 1)
            shade_of = mix(tone, (90, 70, 60), float(rng.uniform(0, 0.35)))
            cv2.polylines(
                canvas, list(fixed(hairs * (side, 1))), False, (*shade_of, 255), 1, cv2.LINE_AA, 4
            )


def paint_beard(p: Person, canvas: Image) -> None:
    """Short hairs on jaw, cheeks and upper lip, onto the head's RGBA canvas."""
    if not p.beard:
        return
    rng, area = p.stream("beard"), beard_area(p)
    for _ in range(24):
        x = rng.uniform(-1, 1, 60) * p.half_width
        y = rng.uniform(p.mouth_y - 22, p.chin, 60)
        grows = area[(y + 176).astype(int), (x + 160).astype(int)] > rng.uniform(0.2, 1, 60)
        grows &= np.abs(x) < half_width(p, y.astype(np.float32)) - 2
        root = np.stack([x, y], 1)[grows]
        tip = root + np.stack([0.05 * root[:, 0], np.full(len(root), 2 + 4 * p.beard)], 1)
        tip += rng.normal(0, 1.2, tip.shape)
        tone = mix(mix(p.hair, (30, 24, 22), 0.3), p.skin, float(rng.uniform(0.0, 0.5)))
        cv2.polylines(
            canvas, list(fixed(np.stack([root, tip], 1))), False, (*tone, 255), 1, cv2.LINE_AA, 4
        )
