"""Does a score of 0.8 mean four fakes in five? And how many videos say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.axes import axes, unit_ticks
from dfbench_leaderboard.charts.legend import SHAPES, Key, legend, look, mark
from dfbench_leaderboard.charts.svg import (
    WIDTH,
    Scale,
    add,
    brief,
    chart,
    cut,
    markup,
    message,
    number,
    percent,
    tip,
)

Point = tuple[float, float, int]
"""Mean score, share of fakes, number of videos of one bin."""
LEFT, RIGHT, TOP, BOTTOM = 40.0, 350.0, 34.0, 304.0
STRIP_TOP, STRIP_BOTTOM = 330.0, 374.0
TITLE = "Reliability diagram"


def reliability_chart(series: Mapping[str, Sequence[Point]]) -> str:
    """Share of fakes against mean score; ``series`` holds what
    ``dfbench.evaluate.calibrate.reliability`` gives, by name: ``as scored`` and calibrated ones.
    The strip below shows how many videos the bins of the first have."""
    given = {name: points for name, points in series.items() if points}
    if not given:
        return message("reliability", TITLE, "There are no scores to draw.")
    errors = {name: _error(points) for name, points in given.items()}
    says = " ".join(
        f"{cut(name, 300)}: expected calibration error {error:.3f}."
        for name, error in errors.items()
    )
    height = STRIP_BOTTOM + 46 + 20 * len(given)
    root = chart("reliability", WIDTH, height, TITLE, says)
    x, y = Scale(0, 1, LEFT, RIGHT), Scale(0, 1, BOTTOM, TOP)
    axes(root, x, y, {}, unit_ticks(), "", "share of fakes among the videos", upright=True)
    add(root, "line", class_="chance", x1=x(0), y1=y(0), x2=x(1), y2=y(1))
    _strip(root, x, *next(iter(given.items())))
    for i, (name, points) in enumerate(given.items()):
        _curve(root, x, y, i, name, points)
    keys = [
        Key(name, look(i), f"ECE {errors[name]:.3f}", shape=SHAPES[i % len(SHAPES)])
        for i, name in enumerate(given)
    ]
    legend(root, keys, STRIP_BOTTOM + 42, LEFT)
    return markup(root)


def _error(points: Sequence[Point]) -> float:
    """Expected calibration error: mean distance from the diagonal, bins weighted by videos."""
    return sum(n * abs(score - fakes) for score, fakes, n in points) / sum(n for _, _, n in points)


def _curve(
    root: Element, x: Scale, y: Scale, place: int, name: str, points: Sequence[Point]
) -> None:
    group = add(root, "g", class_=look(place))
    line = "L".join(f"{number(x(score))} {number(y(fakes))}" for score, fakes, _ in points)
    add(group, "path", class_="line", d=f"M{line}")
    for score, fakes, n in points:
        point = mark(group, SHAPES[place % len(SHAPES)], x(score), y(fakes), 3.5)
        tip(point, f"{brief(name)}\nmean score {score:.3f}, fakes {percent(fakes)} of {_videos(n)}")


def _strip(root: Element, x: Scale, name: str, points: Sequence[Point]) -> None:
    """How many videos each bin of the first series has, as bars at the mean scores."""
    most = max(n for _, _, n in points)
    up = Scale(0, most, STRIP_BOTTOM, STRIP_TOP)
    bars = "".join(
        f"M{number(x(score))} {number(STRIP_BOTTOM)}V{number(up(n))}" for score, _, n in points
    )
    add(add(root, "g", class_="bar"), "path", d=bars)
    ends = {float(most): f"{most}", 0.0: "0"}
    axes(root, x, up, unit_ticks(), ends, "score, P(fake)", "")
    add(root, "text", f"videos, {cut(name, 200, 11)}", class_="muted", x=LEFT, y=STRIP_TOP - 7)


def _videos(n: int) -> str:
    return f"{n} video{'' if n == 1 else 's'}"
