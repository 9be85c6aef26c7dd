"""Charts of made numbers and hostile names, and what can be read in them."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

import numpy as np

from dfbench.evaluate.calibrate import reliability
from dfbench.evaluate.paired import Pair
from dfbench_leaderboard.charts.curves import Curve, det_chart, precision_recall_chart, roc_chart
from dfbench_leaderboard.charts.heatmap import Value, heat_map
from dfbench_leaderboard.charts.histogram import score_histogram
from dfbench_leaderboard.charts.paired import paired_matrix
from dfbench_leaderboard.charts.reliability import reliability_chart
from dfbench_leaderboard.charts.robustness import Line, Step, robustness_chart
from dfbench_leaderboard.charts.scatter import Point, cost_quality

NAN, INF = float("nan"), float("inf")
HOSTILE = (
    "<script>alert(1)</script>",
    "]]>",
    "a\"b'c&amp;d",
    "\x00\x1b[31m\u202e\ud800\n",
    "x" * 20_000,
    "ｗ" * 400,
    "",
    "{{ 7 * 7 }}",
)
DRAWN = {"svg", "title", "desc", "g", "a", "text", "path", "rect", "line", "circle", "polyline"}
CURVES = (roc_chart, det_chart, precision_recall_chart)


def drawn(seed: int = 0, n: int = 90, apart: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores, some of them tied."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3 > 0).astype(np.int64)
    scores = 1 / (1 + np.exp(-rng.normal(apart * (labels - 0.5))))
    return labels, np.round(scores, 3 if n > 1000 else 2)


def pair(one: str, two: str, difference: float = 0.1, p: float = 0.01, **more: float) -> Pair:
    return Pair(
        one,
        two,
        difference,
        difference - 0.05,
        difference + 0.02,
        0.02,
        "delong",
        p,
        0.05,
        **{"p_holm": p, **more},
    )


def all_charts(names: tuple[str, ...]) -> dict[str, str]:
    """Every kind of chart, with these names wherever one can stand."""
    curves = [Curve(name, *drawn(i), href=name, detail=name) for i, name in enumerate(names)]
    steps = [Step(i, 0.9 - i / 10, NAN if i == 2 else 0.2, 1, names[0]) for i in range(6)]
    values = {(row, column): Value(0.4, 0.01, row, href=row) for row in names for column in names}
    points = [Point(name, 10**i, 0.5, 0.4, 0.6, name, name) for i, name in enumerate(names)]
    return {
        "roc": roc_chart(curves),
        "det": det_chart(curves),
        "precision recall": precision_recall_chart(curves),
        "reliability": reliability_chart({name: reliability(*drawn()) for name in names}),
        "histogram": score_histogram(*drawn(), 0.5),
        "heat": heat_map(names, names, values, names[0], low_name=names[0]),
        "robustness": robustness_chart([Line(n, dict.fromkeys(names, steps), n) for n in names]),
        "cost": cost_quality(points, names[0], names[0]),
        "paired": paired_matrix(names, [pair(names[0], names[1])], names[0]),
    }


def parsed(svg: str) -> Element:
    """The root, as if it had no name space. Checks what holds for every chart."""
    assert not re.search(r"nan|inf\b", re.sub(r">[^<]*<", "><", svg), re.IGNORECASE)
    root = fromstring(svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))
    assert root.tag == "svg"
    assert [child.tag for child in root[:2]] == ["title", "desc"]
    assert all(child.text for child in root[:2])
    assert root.get("role") == ("group" if root.find(".//a") is not None else "img")
    assert not list(root.iterfind(".//*[@id]")), "ids would clash on a page of many charts"
    assert not list(root.iterfind(".//*[@style]")), "the site's policy forbids inline styles"
    return root


def texts(root: Element, tag: str = "text") -> list[str]:
    return [element.text or "" for element in root.iter(tag)]


def tips(root: Element) -> list[str]:
    return texts(root, "title")[1:]


def polyline(svg: str) -> tuple[np.ndarray, list[str]]:
    """Points [M, 2] of the only curve, and their thresholds."""
    (line,) = parsed(svg).iter("polyline")
    points = [[int(n) for n in point.split(",")] for point in line.get("points", "").split()]
    at = line.get("data-at", "").split(",")
    assert len(at) == len(points) <= 60
    return np.array(points), at
