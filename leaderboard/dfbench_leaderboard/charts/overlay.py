"""Curves laid over each other in one square plot, and what the script needs to read them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.axes import axes
from dfbench_leaderboard.charts.legend import ROW, Key, legend, look
from dfbench_leaderboard.charts.svg import (
    WIDTH,
    Scale,
    add,
    chart,
    cut,
    listed,
    markup,
    message,
    number,
    put,
)
from dfbench_leaderboard.charts.thin import thinned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEFT, RIGHT, TOP, BOTTOM = 40.0, 350.0, 34.0, 344.0
PER_UNIT = 1000
"""Points are whole numbers, so many of them to a unit of the axes; the script knows it."""
PROBIT = "probit"
"""Name of a scale in normal deviates, for the script."""


@dataclass(frozen=True, eq=False)
class Trace:
    """x, y [M]: in the units of the axes. at [M]: the threshold of each point, "" where a corner
    is no operating point. detail: its number for the legend, says: in words. Without points there
    is a row in the legend alone."""

    label: str
    href: str
    detail: str
    says: str = ""
    x: Floats | None = None
    y: Floats | None = None
    at: Sequence[str] = ()


@dataclass(frozen=True)
class Chance:
    """The line of a detector that guesses. label_at: where its name starts, or ends."""

    start: tuple[float, float]
    end: tuple[float, float]
    label_at: tuple[float, float]
    label: str = "chance"
    anchor: str = ""


@dataclass(frozen=True)
class Plot:
    """x_short, y_short: what the readout calls the axes. ticks: of both, the first and the last are
    the ends. scale: ``PROBIT``, or "" for rates as they are."""

    name: str
    title: str
    x_title: str
    y_title: str
    x_short: str
    y_short: str
    ticks: Mapping[float, str]
    scale: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        return min(self.ticks), max(self.ticks)


def overlay(plot: Plot, traces: Sequence[Trace], chance: Chance | None) -> str:
    title = f"{plot.title} of {listed([cut(trace.label, 300) for trace in traces])}"
    if not any(trace.at for trace in traces):
        why = "The test videos are of one class only" if traces else "There is no run to show"
        return message(plot.name, title, f"{why}, so there is no {plot.title}.")
    says = " ".join(f"{cut(t.label, 300)}: {t.says}." for t in traces if t.at)
    height = BOTTOM + 54 + ROW * len(traces)
    root = chart(
        plot.name,
        WIDTH,
        height,
        title,
        says,
        data_x=plot.x_short,
        data_y=plot.y_short,
        data_scale=plot.scale,
    )
    x, y = Scale(*plot.ends, LEFT, RIGHT), Scale(*plot.ends, BOTTOM, TOP)
    axes(root, x, y, plot.ticks, plot.ticks, plot.x_title, plot.y_title, upright=True)
    if chance is not None:
        _chance(root, x, y, chance)
    per_unit = (x(1) - x(0)) / PER_UNIT
    place = f"matrix({per_unit:.5g} 0 0 -{per_unit:.5g} {x(0):.5g} {y(0):.5g})"
    lines = add(root, "g", class_="line", transform=place)
    for i, trace in enumerate(traces):
        if trace.x is not None and trace.y is not None:
            line = _line(lines, plot, trace, trace.x, trace.y)
            put(line, class_=look(i), data_name=cut(trace.label, 300) if len(traces) > 1 else "")
    keys = [Key(trace.label, look(i), trace.detail, trace.href) for i, trace in enumerate(traces)]
    legend(root, keys, BOTTOM + 50, LEFT)
    return markup(root)


def _line(parent: Element, plot: Plot, trace: Trace, x: Floats, y: Floats) -> Element:
    low, high = plot.ends
    kept = thinned(x, y, (high - low) / 1000)
    points = (f"{round(PER_UNIT * x[i])},{round(PER_UNIT * y[i])}" for i in kept)
    thresholds = ",".join(trace.at[i] for i in kept)
    return add(parent, "polyline", points=" ".join(points), data_at=thresholds)


def _chance(root: Element, x: Scale, y: Scale, chance: Chance) -> None:
    start, end = (f"{number(x(a))} {number(y(b))}" for a, b in (chance.start, chance.end))
    add(root, "path", class_="chance", d=f"M{start}L{end}")
    at = {"x": x(chance.label_at[0]), "y": y(chance.label_at[1])}
    add(root, "text", chance.label, class_=f"muted halo {chance.anchor}".strip(), **at)
