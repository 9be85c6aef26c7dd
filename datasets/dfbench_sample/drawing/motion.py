"""How a head moves: one pose a frame, smooth in time and of the same kind at every instant.

The processes are stationary (no start, no end, random phases), so the frames of a video in another
order are, one by one, distributed like the video's own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfbench_sample.drawing.people import stream

FPS = 25
FRAMES = 48


class Pose(NamedTuple):
    """One instant. ``x``, ``y``: middle of the face in frame pixels; ``scale``: frame pixels per
    canonical pixel; ``roll``, ``yaw``, ``pitch``: radians; the rest about 0..1 or -1..1."""

    x: float
    y: float
    scale: float
    roll: float
    yaw: float
    pitch: float
    blink: float
    look_x: float
    look_y: float
    brow: float
    open: float
    smile: float


def motion(seed: int, person: int, take: int) -> list[Pose]:
    """The poses of video ``take`` of ``person``, one a frame."""
    rng = stream(seed, "motion", person, take)
    t = np.arange(FRAMES) / FPS
    vigour = rng.uniform(0.8, 1.2)

    def sway(size: float, fastest: float = 1.3) -> NDArray[np.float64]:
        return size * vigour * _wave(rng, t, fastest)

    channels = (
        rng.uniform(119, 137) + sway(9),
        rng.uniform(122, 134) + sway(5),
        rng.uniform(0.68, 0.82) * (1 + sway(0.035, 0.9)),
        sway(0.09),
        sway(0.15),
        sway(0.08),
        _blinks(rng, t),
        np.clip(sway(0.6, 1.8), -1, 1),
        np.clip(sway(0.4), -1, 1),
        np.clip(sway(0.6), -1, 1),
        _speech(rng, t),
        np.clip(0.3 + sway(0.4, 0.8), -0.4, 1),
    )
    return [Pose(*map(float, row)) for row in np.stack(channels, 1)]


def middle(poses: list[Pose]) -> Pose:
    """The mean pose. No frame shows it, so no frame is special by being at rest."""
    return Pose(*np.mean(poses, 0).tolist())


def _wave(rng: np.random.Generator, t: NDArray[np.float64], fastest: float) -> NDArray[np.float64]:
    """A sum of three slow sines of random phase; standard deviation 0.7."""
    rate, phase = rng.uniform(0.25, fastest, (3, 1)), rng.uniform(0, 2 * np.pi, (3, 1))
    weight = rng.dirichlet((3, 3, 3))[:, None] ** 0.5
    return np.asarray(np.sum(weight * np.sin(2 * np.pi * rate * t + phase), 0))


def _blinks(rng: np.random.Generator, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lids closed 0..1. Blinks come at random, also across the ends of the video."""
    closed = np.zeros_like(t)
    when = -10.0  # long before the video, so that its start is like any instant
    while when < t[-1] + 0.3:
        closed = np.maximum(closed, np.exp(-(((t - when) / 0.075) ** 4)))
        when += 0.35 + rng.exponential(1.0)
    return closed


def _speech(rng: np.random.Generator, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Opening of the mouth 0..1: syllables at 3 to 5 Hz, in phrases with pauses."""
    phase = 2 * np.pi * (rng.uniform(3.0, 4.6) * t + rng.uniform()) + 1.5 * _wave(rng, t, 1.5)
    phrase = 1 / (1 + np.exp(-5 * (_wave(rng, t, 1.0) + 0.45)))
    size = np.clip(0.65 + 0.35 * _wave(rng, t, 2.0), 0.2, 1)
    syllable = np.clip(0.5 - 0.62 * np.cos(phase), 0, 1)
    return np.asarray(phrase * size * syllable)
