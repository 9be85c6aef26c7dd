"""Scales with their ticks, and the lines and words around a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.svg import Scale, add, number


def axes(
    parent: Element,
    x: Scale,
    y: Scale,
    x_ticks: Mapping[float, str],
    y_ticks: Mapping[float, str],
    x_title: str,
    y_title: str,
    upright: bool = False,
) -> None:
    """Grid lines, tick labels, titles: that of y lies above its axis, to be read without turning
    the head. upright: grid lines also at the ticks of x."""
    lines = "".join(f"M{number(x.start)} {number(y(at))}H{number(x.end)}" for at in y_ticks)
    if upright:
        lines += "".join(f"M{number(x(at))} {number(y.start)}V{number(y.end)}" for at in x_ticks)
    add(parent, "path", class_="grid", d=lines)
    across = add(parent, "g", class_="tick", transform=f"translate(0 {number(y.start + 17)})")
    for at, text in x_ticks.items():
        add(across, "text", text, x=x(at))
    up = add(parent, "g", class_="tick end", transform=f"translate({number(x.start - 6)} 4)")
    for at, text in y_ticks.items():
        if text:
            add(up, "text", text, y=y(at))
    if x_title:
        add(parent, "text", x_title, class_="mid", x=(x.start + x.end) / 2, y=y.start + 38)
    if y_title:
        add(parent, "text", y_title, x=4, y=y.end - 12)


def unit_ticks(step: float = 0.25) -> dict[float, str]:
    """0 to 1."""
    return {i * step: f"{i * step:g}" for i in range(round(1 / step) + 1)}


def round_ticks(low: float, high: float, about: int = 5) -> dict[float, str]:
    """Multiples of 1, 2 or 5 times a power of ten that reach from below ``low`` to above ``high``:
    about so many."""
    span = high - low
    if span <= 0:
        span = abs(high) or 1.0
        low, high = low - span / 2, high + span / 2
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return {i * step: f"{i * step:.{digits}f}" for i in range(first, last + 1)}


def log_ticks(low: float, high: float, most: int = 5) -> dict[float, str]:
    """Of log10 of values: at powers of ten, or at 1, 2 and 5 of them where there are too few."""
    from dfbench_leaderboard.forms.numbers import size

    tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within = [10.0**ten for ten in tens if low <= 10.0**ten <= high]
    if len(within) < 3:
        every = [m * 10.0**ten for ten in tens for m in (1, 2, 5)]
        within = [at for at in every if low <= at <= high]
    every_nth = -(-len(within) // most) or 1
    return {math.log10(at): size(at).replace(".0 ", " ") for at in within[::every_nth]}


def y_scale(ticks: Mapping[float, str], start: float, end: float) -> Scale:
    """From the first tick to the last."""
    at = list(ticks)
    return Scale(at[0], at[-1], start, end)
