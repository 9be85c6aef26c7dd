"""What quality costs: a point a detector, and the line of those that no cheaper one beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.axes import axes, log_ticks, round_ticks, y_scale
from dfbench_leaderboard.charts.labels import Box, place_labels
from dfbench_leaderboard.charts.legend import ROW, SHAPES, Key, legend, look, mark
from dfbench_leaderboard.charts.svg import (
    SMALL,
    WIDTH,
    Scale,
    add,
    brief,
    chart,
    cut,
    interval,
    known,
    linked,
    markup,
    message,
    number,
    tip,
)

LEFT, RIGHT, TOP, BOTTOM = 44.0, 350.0, 34.0, 334.0


@dataclass(frozen=True)
class Point:
    """cost: above 0; value, and its interval. kind: what it is drawn as (frame, clip, temporal)."""

    label: str
    cost: float | None
    value: float | None
    low: float | None = None
    high: float | None = None
    kind: str = ""
    href: str = ""


@dataclass(frozen=True)
class _Spot:
    """A point that has both numbers, and where it lies. ends: of its whisker, top and bottom."""

    point: Point
    cost: float
    value: float
    x: float
    y: float
    ends: tuple[float, float] | None


def cost_quality(
    points: Sequence[Point],
    cost: str = "parameters",
    metric: str = "video AUC",
    higher_is_better: bool = True,
) -> str:
    """Value against cost, which is on a logarithmic scale; whiskers are 95 % intervals. cost: what
    it is, with its unit."""
    title = f"{metric} against {cost}"
    shown = [p for p in points if (known(p.cost) or 0) > 0 and known(p.value) is not None]
    if not shown:
        return message("cost", title, f"No run has both {metric} and {cost}.")
    (x, x_ticks), (y, y_ticks) = _x(shown), _y(shown)
    spots = [_spot(point, x, y) for point in shown]
    front = _front(spots, higher_is_better)
    kinds = list(dict.fromkeys(point.kind for point in shown))
    notes = ["line: the best at that cost or below"]
    if len(shown) < len(points):
        notes.append(f"{len(points) - len(shown)} without {metric} or {cost} not shown")
    below = BOTTOM + 50 + (ROW * len(kinds) if any(kinds) else 0)
    root = chart(
        "cost", WIDTH, below + 6 + 15 * len(notes), title, _says(front, metric, cost, len(shown))
    )
    axes(root, x, y, x_ticks, y_ticks, f"{cost}, logarithmic", metric)
    steps = "L".join(f"{number(px)} {number(py)}" for px, py in _corners(front))
    add(root, "path", class_="front", d=f"M{steps}")
    _names(root, spots, front)
    looks = {kind: (look(i), SHAPES[i % len(SHAPES)]) for i, kind in enumerate(kinds)}
    for spot in spots:
        _draw(root, spot, *looks[spot.point.kind], f"{metric} {spot.value:.3f}", cost)
    if any(kinds):
        keys = [Key(kind or "other", looks[kind][0], shape=looks[kind][1]) for kind in kinds]
        legend(root, keys, BOTTOM + 46, LEFT, line=False)
    for i, note in enumerate(notes):
        add(root, "text", note, class_="muted", x=LEFT, y=below + 12 + 15 * i)
    return markup(root)


def _x(points: Sequence[Point]) -> tuple[Scale, dict[float, str]]:
    """Of log10 of costs: more than a decade, with room at both ends."""
    costs = [math.log10(point.cost or 1) for point in points]
    span = max(costs) - min(costs)
    room = max(0.08 * span, (1.2 - span) / 2)
    low, high = min(costs) - room, max(costs) + room
    return Scale(low, high, LEFT, RIGHT), log_ticks(10**low, 10**high)


def _y(points: Sequence[Point]) -> tuple[Scale, dict[float, str]]:
    ends = [e for p in points for v in (p.value, p.low, p.high) if (e := known(v)) is not None]
    ticks = round_ticks(min(ends), max(ends))
    return y_scale(ticks, BOTTOM, TOP), ticks


def _spot(point: Point, x: Scale, y: Scale) -> _Spot:
    assert point.cost is not None
    assert point.value is not None
    low, high = known(point.low), known(point.high)
    ends = None if low is None or high is None else (y(high), y(low))
    at = x(math.log10(point.cost)), y(point.value)
    return _Spot(point, point.cost, point.value, *at, ends)


def _front(spots: Sequence[_Spot], higher_is_better: bool) -> list[_Spot]:
    """Those that are better than all cheaper ones, cheapest first (Pareto)."""
    sign = 1 if higher_is_better else -1
    front: list[_Spot] = []
    for spot in sorted(spots, key=lambda s: (s.cost, -sign * s.value)):
        if not front or sign * spot.value > sign * front[-1].value:
            front.append(spot)
    return front


def _corners(front: Sequence[_Spot]) -> list[tuple[float, float]]:
    """Of the step line through them, on to the right edge."""
    corners = [(front[0].x, front[0].y)]
    for before, spot in pairwise(front):
        corners += [(spot.x, before.y), (spot.x, spot.y)]
    return [*corners, (RIGHT, front[-1].y)]


def _draw(root: Element, spot: _Spot, classes: str, shape: str, number_: str, cost: str) -> None:
    point = spot.point
    holder = linked(root, point.href)
    group = add(holder, "g", class_=classes)
    if spot.ends is not None:
        top, bottom = map(number, spot.ends)
        add(group, "path", class_="whisker", d=f"M{number(spot.x)} {bottom}V{top}")
    mark(group, shape, spot.x, spot.y, 4.5)
    kind = f" ({brief(point.kind)})" if point.kind else ""
    named = group if holder is root else holder  # a link is called by its own title
    tip(
        named,
        f"{brief(point.label)}{kind}\n{number_}{interval(point.low, point.high)}\n"
        f"{cost}: {_rounded(spot.cost)}",
    )


def _rounded(cost: float) -> str:
    """As the table has it, but never with all the digits of a fraction."""
    from dfbench_leaderboard.forms.numbers import size

    return size(cost if cost >= 1000 else float(f"{cost:.3g}"))


def _names(root: Element, spots: Sequence[_Spot], front: Sequence[_Spot]) -> None:
    """Beside their points; one for which there is no room is left to the readout."""
    order = [*front, *(spot for spot in spots if spot not in front)]
    taken = [Box(s.x - 2, s.ends[0], s.x + 2, s.ends[1]) for s in order if s.ends is not None]
    taken += [
        Box(min(px, qx) - 1, min(py, qy) - 1, max(px, qx) + 1, max(py, qy) + 1)
        for (px, py), (qx, qy) in pairwise(_corners(front))
    ]
    texts = [cut(spot.point.label, 130, SMALL) for spot in order]
    at = [(spot.x, spot.y) for spot in order]
    boxes = place_labels(texts, at, taken, Box(LEFT, TOP, RIGHT, BOTTOM), SMALL)
    for text, box in zip(texts, boxes, strict=True):
        if box is not None:
            add(root, "text", text, class_="small halo", x=box.left, y=box.bottom - 3)


def _says(front: Sequence[_Spot], metric: str, cost: str, n: int) -> str:
    best = ", ".join(
        f"{cut(s.point.label, 200)} ({_rounded(s.cost)}, {s.value:.3f})" for s in front
    )
    return f"{n} runs. Not beaten by a cheaper one ({cost}, {metric}): {best}."
