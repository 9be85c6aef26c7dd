"""Looks of series, told apart by colour and by dash or shape, and the rows that name them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.svg import SMALL, WIDTH, add, label, linked, number, width_of

COLOURS, DASHES = 8, 5
ROW = 20
_TURNS = {"square": (4, 0.125), "triangle": (3, 0.25), "diamond": (4, 0.0), "down": (3, 0.75)}
SHAPES = ("circle", "square", "triangle", "diamond", "down", "cross", "plus")


def look(place: int) -> str:
    """Classes of the series at that place, 0 first: no two of the first 40 are alike."""
    return f"s{place % COLOURS + 1} d{place % DASHES}"


@dataclass(frozen=True)
class Key:
    """A row of a legend. shape: of its marks, "" = a line alone. detail: its numbers."""

    name: str
    look: str
    detail: str = ""
    href: str = ""
    shape: str = ""


def legend(
    parent: Element, keys: Sequence[Key], top: float, left: float, line: bool = True
) -> None:
    """A row a key below ``top``. line: whether the series are lines."""
    wide = 26 if line else 10
    for i, key in enumerate(keys):
        y = top + ROW * i + 13
        sample = add(parent, "g", class_=key.look)
        if line:
            add(sample, "path", class_="line", d=f"M{number(left)} {number(y - 4)}h{wide}")
        if key.shape:
            mark(sample, key.shape, left + wide / 2, y - 4, 4.5)
        start, own = left + wide + 8, width_of(key.detail, SMALL) + 12 if key.detail else 0
        label(linked(parent, key.href), key.name, start, y, WIDTH - 8 - start - own)
        if key.detail:
            add(parent, "text", key.detail, class_="muted end", x=WIDTH - 8, y=y)


def mark(parent: Element, shape: str, x: float, y: float, radius: float) -> Element:
    """A point of a series, one of ``SHAPES``."""
    if shape == "circle":
        return add(parent, "circle", class_="mark", cx=x, cy=y, r=radius)
    if shape in _TURNS:
        corners, turn = _TURNS[shape]
        around = radius * {3: 1.4, 4: 1.25}[corners]
        angles = [2 * math.pi * (turn + i / corners) for i in range(corners)]
        points = [
            f"{number(x + around * math.cos(a))} {number(y - around * math.sin(a))}" for a in angles
        ]
        return add(parent, "path", class_="mark", d=f"M{'L'.join(points)}z")
    d = number(2 * radius)
    arms = f"M{number(x - radius)} {number(y)}h{d}M{number(x)} {number(y - radius)}v{d}"
    if shape == "cross":
        arms = f"M{number(x - radius)} {number(y - radius)}l{d} {d}m0-{d}l-{d} {d}"
    return add(parent, "path", class_="mark stroke", d=arms)
