"""Who is drawn: a person's looks, the light of a video, and which person belongs to which split.

Everything follows from the seed and a name, through ``stream``; nobody depicted exists.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbench import Split

SPLIT_SIZES: tuple[tuple[Split, int], ...] = (("train", 18), ("val", 6), ("test", 14))
PEOPLE = sum(size for _, size in SPLIT_SIZES)

Colour = tuple[float, float, float]  # red, green, blue in 0..255

SKINS: tuple[Colour, ...] = (
    (245, 212, 190),
    (234, 194, 166),
    (220, 172, 138),
    (196, 144, 110),
    (160, 112, 82),
    (124, 84, 62),
)
HAIRS: tuple[Colour, ...] = (
    (34, 28, 26),
    (52, 38, 30),
    (80, 60, 46),
    (104, 76, 56),
    (168, 134, 90),
    (124, 78, 54),
    (138, 134, 130),
)
IRISES: tuple[Colour, ...] = ((70, 46, 30), (92, 64, 40), (84, 96, 68), (78, 100, 120))
CUTS = ("short", "long", "bob", "curly", "cropped", "bald")


def stream(seed: int, *names: object) -> np.random.Generator:
    """A random stream of its own for each list of names: adding one never moves another."""
    text = "/".join(map(str, (seed, *names)))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16]))


def split_of(person: int) -> Split:
    """The split that person number ``person`` belongs to."""
    for split, size in SPLIT_SIZES:
        if person < size:
            return split
        person -= size
    raise IndexError("no such person")


@dataclass(frozen=True)
class Person:
    """Looks. Lengths in pixels of the canonical face (see ``shape``), colours 0..255."""

    seed: int
    number: int
    half_width: float
    chin: float
    crown: float
    jaw: float
    eye_gap: float
    eye_half: float
    eye_open: float
    eye_y: float
    eye_slant: float
    brow_lift: float
    brow_weight: float
    nose_y: float
    nose_half: float
    nose_height: float
    mouth_y: float
    mouth_half: float
    lip: float
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    cut: str
    hairline: float
    part: float
    beard: float
    freckles: int
    age: float
    glasses: bool

    def stream(self, purpose: str) -> np.random.Generator:
        """Randomness for one layer of this person, the same each time it is drawn."""
        return stream(self.seed, "person", self.number, purpose)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """``share`` of ``b`` in ``a``."""
    red, green, blue = (x + share * (y - x) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _pick(palette: tuple[Colour, ...], at: float) -> Colour:
    place = at * (len(palette) - 1)
    low = min(int(place), len(palette) - 2)
    return mix(palette[low], palette[low + 1], place - low)


def person(seed: int, number: int) -> Person:
    """Person ``number`` of the population ``seed``."""
    rng = stream(seed, "person", number)
    u = rng.uniform
    skin = _pick(SKINS, u())
    dark = skin[0] < 175
    hair = HAIRS[rng.integers(0, 2 if dark else len(HAIRS))]
    cut = str(rng.choice(CUTS, p=(0.28, 0.26, 0.16, 0.12, 0.12, 0.06)))
    bearded = cut in ("short", "cropped", "bald") and u() < 0.45
    return Person(
        seed=seed,
        number=number,
        half_width=u(70, 80),
        chin=u(94, 106),
        crown=u(112, 122),
        jaw=u(1.9, 2.9),
        eye_gap=u(30, 35),
        eye_half=u(15, 18),
        eye_open=u(6.0, 8.2),
        eye_y=u(-16, -10),
        eye_slant=u(-1.5, 2.5),
        brow_lift=u(15, 20),
        brow_weight=u(2.0, 4.2),
        nose_y=u(26, 34),
        nose_half=u(11, 16),
        nose_height=u(13, 19),
        mouth_y=u(54, 61),
        mouth_half=u(25, 31),
        lip=u(5.5, 9.0),
        skin=skin,
        hair=hair,
        iris=IRISES[0 if dark else rng.integers(0, len(IRISES))],
        lips=mix(mix(skin, (176, 70, 74), u(0.35, 0.6)), (110, 50, 50), 0.25 if dark else 0.05),
        cut=cut,
        hairline=u(-86, -74),
        part=u(-34, 34),
        beard=u(0.35, 1.0) if bearded else 0.0,
        freckles=int(u(40, 160)) if not dark and u() < 0.4 else int(u(0, 12)),
        age=u(),
        glasses=bool(u() < 0.15),
    )


def donors(seed: int, number: int, take: int, count: int) -> list[int]:
    """``count`` other people of the same split, whose faces are put over that of ``number``:
    drawn from the third most like it, as a forger would choose."""
    split = split_of(number)
    others = [p for p in range(PEOPLE) if p != number and split_of(p) == split]
    others.sort(key=lambda other: unlike(person(seed, number), person(seed, other)))
    nearest = others[: max(count + 1, len(others) // 3)]
    chosen = stream(seed, "donors", number, take).choice(nearest, count, replace=False)
    return [int(p) for p in chosen]


def unlike(a: Person, b: Person) -> float:
    """How different two people look: skin in steps of 8 bits, a beard or glasses as 60."""
    skin = sum(abs(x - y) for x, y in zip(a.skin, b.skin, strict=True)) / 3
    return skin + 60 * abs(a.beard - b.beard) + 60 * (a.glasses != b.glasses)


@dataclass(frozen=True)
class Light:
    """``towards``: unit vector to the lamp (x right, y down, z to the camera); ``ambient``: share
    of light from everywhere; ``tint``: gain per channel."""

    towards: NDArray[np.float32]
    ambient: float
    tint: NDArray[np.float32]


def light(seed: int, number: int, take: int) -> Light:
    """The light of video ``take`` of person ``number``."""
    rng = stream(seed, "light", number, take)
    side = rng.choice((-1, 1)) * rng.uniform(0.2, 0.9)
    towards = np.array([side, rng.uniform(-0.65, -0.15), 1.0], np.float32)
    warmth = rng.uniform(-0.05, 0.07)
    tint = np.array([1 + warmth, 1.0, 1 - 1.2 * warmth], np.float32) * rng.uniform(0.94, 1.04)
    return Light(towards / np.linalg.norm(towards), rng.uniform(0.30, 0.46), tint.astype("f4"))
