"""How the AUC falls as the test videos get worse: a panel a perturbation, a line a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.axes import axes, round_ticks, y_scale
from dfbench_leaderboard.charts.legend import ROW, SHAPES, Key, legend, look, mark
from dfbench_leaderboard.charts.svg import (
    WIDTH,
    Scale,
    add,
    brief,
    chart,
    cut,
    interval,
    known,
    label,
    markup,
    message,
    number,
    tip,
)

ACROSS, GAP, HIGH = 2, 16.0, 110.0
LEFT, RIGHT, TOP = 40.0, 352.0, 30.0
CHANCE = 0.5


@dataclass(frozen=True)
class Step:
    """severity: 0 = clean, up to 5. value: AUC 0..1, None where there is none. note: what the
    severity is, ``crf 23``."""

    severity: float
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A detector: its steps under each perturbation, by name."""

    label: str
    panels: Mapping[str, Sequence[Step]]
    href: str = ""


def robustness_chart(lines: Sequence[Line], metric: str = "video AUC") -> str:
    """Small multiples with the same axes; whiskers are 95 % intervals."""
    title = f"{metric} under perturbations"
    names = list(dict.fromkeys(name for line in lines for name in line.panels))
    steps = [step for line in lines for steps in line.panels.values() for step in steps]
    ends = [end for s in steps for v in (s.value, s.low, s.high) if (end := known(v)) is not None]
    if not ends:
        return message("robustness", title, "No test under a perturbation has a number.")
    ticks = round_ticks(min([*ends, CHANCE]), max([*ends, 1.0]), 4)
    across = min(ACROSS, len(names))
    high = HIGH if across > 1 else 2 * HIGH
    bottom = TOP + -(-len(names) // across) * (high + 44)
    root = chart("robustness", WIDTH, bottom + 28 + ROW * len(lines), title, _says(lines))
    wide = (RIGHT - LEFT - GAP * (across - 1)) / across
    for i, name in enumerate(names):
        left, top = LEFT + (wide + GAP) * (i % across), TOP + 20 + (high + 44) * (i // across)
        x = Scale(-0.3, max(5, *(step.severity for step in steps)) + 0.3, left, left + wide)
        y = y_scale(ticks, top + high, top)
        _panel(root, x, y, name, lines, ticks if i % across == 0 else dict.fromkeys(ticks, ""))
        if i == 0:
            add(root, "text", "chance", class_="muted halo", x=left + 2, y=y(CHANCE) + 12)
    centre = (LEFT + RIGHT) / 2
    add(root, "text", f"{metric} and 95 % interval", x=4, y=14)
    add(root, "text", "severity, 0 = clean videos", class_="mid", x=centre, y=bottom + 14)
    keys = [
        Key(line.label, look(i), href=line.href, shape=SHAPES[i % len(SHAPES)])
        for i, line in enumerate(lines)
    ]
    legend(root, keys, bottom + 24, LEFT)
    return markup(root)


def _panel(
    root: Element, x: Scale, y: Scale, name: str, lines: Sequence[Line], ticks: Mapping[float, str]
) -> None:
    axes(root, x, y, {float(i): str(i) for i in range(int(x.high) + 1)}, ticks, "", "")
    label(root, name, x.start, y.end - 7, x.end - x.start, class_="strong")
    add(root, "line", class_="chance", x1=x.start, x2=x.end, y1=y(CHANCE), y2=y(CHANCE))
    for i, line in enumerate(lines):
        aside = 2.5 * (i - (len(lines) - 1) / 2)  # whiskers stand beside each other
        group = add(root, "g", class_=look(i))
        steps = [step for step in line.panels.get(name, ()) if known(step.value) is not None]
        places = [(x(s.severity) + aside, y(s.value or 0)) for s in steps]
        if len(places) > 1:
            points = " ".join(f"{number(px)},{number(py)}" for px, py in places)
            add(group, "polyline", class_="line", points=points)
        for step, (px, py) in zip(steps, places, strict=True):
            _step(group, y, line, name, step, px, py, SHAPES[i % len(SHAPES)])


def _step(
    group: Element, y: Scale, line: Line, panel: str, step: Step, px: float, py: float, shape: str
) -> None:
    point = add(group, "g")
    low, high = known(step.low), known(step.high)
    if low is not None and high is not None:
        add(point, "path", class_="whisker", d=f"M{number(px)} {number(y(low))}V{number(y(high))}")
    mark(point, shape, px, py, 3)
    note = brief(step.note) or f"severity {step.severity:g}"
    where = "clean videos" if step.severity == 0 else f"{brief(panel)}, {note}"
    tip(point, f"{brief(line.label)}\n{where}: {step.value:.3f}{interval(low, high)}")


def _says(lines: Sequence[Line]) -> str:
    """Clean, and at the severest of each panel."""
    parts = []
    for line in lines:
        falls = []
        for name, steps in line.panels.items():
            found = sorted((s.severity, v) for s in steps if (v := known(s.value)) is not None)
            if found:
                (first, start), (last, end) = found[0], found[-1]
                falls.append(f"{cut(name, 200)} {start:.3f} at {first:g} to {end:.3f} at {last:g}")
        if falls:
            parts.append(f"{cut(line.label, 300)}: {', '.join(falls)}.")
    return " ".join(parts)
