"""Charts: well-formed whatever the names are, and their numbers are those that were put in."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from drawn_charts import CURVES, DRAWN, HOSTILE, NAN, all_charts, drawn, pair, parsed, texts, tips
from repository import ROOT

from dfbench.evaluate.calibrate import reliability
from dfbench_leaderboard.charts.axes import log_ticks, round_ticks
from dfbench_leaderboard.charts.curves import Curve, roc_chart
from dfbench_leaderboard.charts.heatmap import Value, heat_map
from dfbench_leaderboard.charts.histogram import score_histogram
from dfbench_leaderboard.charts.labels import Box, place_labels
from dfbench_leaderboard.charts.paired import paired_matrix
from dfbench_leaderboard.charts.reliability import reliability_chart
from dfbench_leaderboard.charts.robustness import Line, Step, robustness_chart
from dfbench_leaderboard.charts.scatter import Point, cost_quality

# --- whatever comes in ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", all_charts(("a", "b")))
def test_names_stay_text_in_every_chart(kind: str) -> None:
    svg = all_charts(HOSTILE)[kind]
    root = parsed(svg)
    assert {element.tag for element in root.iter()} <= DRAWN
    assert "<script" not in svg
    assert kind == "histogram" or "&lt;script&gt;alert(1)" in svg
    assert not any(c < " " and c != "\n" for c in svg)
    assert len(svg) < 250_000, "a long name is cut, in tips as well"


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("runs/1.html", True),
        ("https://a.org/", True),
        ("javascript:alert(1)", False),
        (" JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("//[", False),
        ("", False),
    ],
)
def test_a_link_is_a_page_s_address_or_none(href: str, kept: bool) -> None:
    root = parsed(roc_chart([Curve("a", *drawn(), href=href)]))
    assert [a.get("href") for a in root.iter("a")] == [href] * kept


@pytest.mark.parametrize(
    "svg",
    [
        *(chart([]) for chart in CURVES),
        *(chart([Curve("a", np.ones(3, int), np.ones(3))]) for chart in CURVES),
        reliability_chart({}),
        reliability_chart({"a": []}),
        score_histogram(np.zeros(0, int), np.zeros(0)),
        heat_map([], [], {}),
        robustness_chart([]),
        robustness_chart([Line("a", {"blur": [Step(0, None), Step(1, NAN)]})]),
        cost_quality([]),
        cost_quality([Point("a", 0, 0.5), Point("b", None, 0.5), Point("c", 10, NAN)]),
        paired_matrix([], []),
        paired_matrix(["a"], []),
    ],
)
def test_what_cannot_be_drawn_says_why(svg: str) -> None:
    root = parsed(svg)
    assert "none" in root.get("class", "").split()
    assert len(" ".join(texts(root))) > 20


def test_a_single_point_is_enough() -> None:
    two = np.array([0, 1]), np.array([0.2, 0.2])
    for svg in (
        *(chart([Curve("a", *two)]) for chart in CURVES),
        reliability_chart({"a": [(0.5, 1.0, 1)]}),
        score_histogram(np.array([1]), np.array([1.0]), 1.0),
        heat_map(["a"], ["a"], {("a", "a"): Value(1.0)}),
        robustness_chart([Line("a", {"blur": [Step(0, 0.9)]})]),
        cost_quality([Point("a", 27977, 0.9)]),
        paired_matrix(["a", "b"], [pair("a", "b")]),
    ):
        assert "none" not in parsed(svg).get("class", "").split()


def test_no_chart_needs_anything_heavy() -> None:
    names = [
        f"dfbench_leaderboard.charts.{path.stem}"
        for path in (ROOT / "leaderboard/dfbench_leaderboard/charts").glob("*.py")
    ]
    heavy = {"torch", "matplotlib", "pandas", "numpy", "scipy"}
    code = f"import sys, {', '.join(names)}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- numbers that are written ---------------------------------------------------------------


def test_reliability_gives_the_calibration_error_and_every_bin() -> None:
    labels, scores = drawn()
    points = reliability(labels, scores)
    root = parsed(reliability_chart({"as scored": points}))
    error = sum(n * abs(score - fakes) for score, fakes, n in points) / len(labels)
    assert f"ECE {error:.3f}" in texts(root)
    assert sum(f"of {n} video" in tip for _, _, n in points for tip in tips(root)) >= len(points)
    assert len(list(root.iter("circle"))) == len(points) + 1  # and the legend's


def test_the_histogram_counts_every_video_and_shows_the_threshold() -> None:
    labels, scores = drawn()
    root = parsed(score_histogram(labels, scores, 0.4321))
    found = [re.search(r"(\d+) fake .*, (\d+) real", tip) for tip in tips(root)]
    counts = np.array([[int(n) for n in match.groups()] for match in found if match])
    assert counts.sum(0).tolist() == [(labels == 1).sum(), (labels == 0).sum()]
    bins = np.minimum(np.round(100 * scores[labels == 1]) // 5, 19).astype(int)
    assert [n for n in counts[:, 0] if n] == [n for n in np.bincount(bins) if n]
    assert "threshold 0.432" in texts(root)
    called = (scores[labels == 1] >= 0.4321).mean()
    assert f"{100 * called:.0f}\xa0% called fake" in str(root[1].text)
    assert {"hit", "fake", "real"} <= {path.get("class") for path in root.iter("path")}


def test_a_heat_map_has_each_number_and_the_reason_where_there_is_none() -> None:
    values = {
        ("a", "a"): Value(0.987, 0.012),
        ("a", "b"): Value(0.5),
        ("b", "a"): Value(None, note="failed: out of memory"),
        ("b", "b"): Value(NAN),
    }
    root = parsed(heat_map(["a", "b"], ["a", "b", "c"], values))
    assert {"0.987", "±0.012", "0.500", "0.5 = chance", "1"} <= set(texts(root))
    classes = [e.get("class") for e in root.iter() if e.get("class")]
    assert classes.count("hatch") == 4 + 1  # and the legend's
    assert classes.count("home") == 2 + 1
    assert any("failed: out of memory" in tip for tip in tips(root))
    assert sum("not run" in tip for tip in tips(root)) == 2
    assert "4 without a number" in root[1].text
    errors = heat_map(["a"], ["a"], {("a", "a"): Value(0.02)}, "EER", 0.5, 0.0)
    assert 't10"' in errors, "less is better: low is the best shade"


@pytest.mark.parametrize("size", [1, 2, 15])
def test_a_heat_map_fits_its_cells_and_names(size: int) -> None:
    names = [f"a dataset with a long name {i}" for i in range(size)]
    root = parsed(heat_map(names, names, {(a, b): Value(0.75) for a in names for b in names}))
    width, height = map(float, root.get("viewBox", "").split()[2:])
    corners = [g.get("transform", "") for g in root.iter("g")]
    places = [tuple(map(float, re.findall(r"[\d.]+", corner))) for corner in corners]
    assert len(places) == size**2 + 3  # and the legend's
    assert max(x for x, _ in places[: size**2]) + 50 < width
    assert max(y for _, y in places[: size**2]) + 36 < height
    assert len(heat_map(names, names, {})) < 100_000


def test_a_pair_stands_in_both_places_with_its_sign() -> None:
    root = parsed(paired_matrix(["a", "b", "c"], [pair("a", "b"), pair("c", "a", -0.001, 0.4)]))
    assert {"+0.100", "−0.100", "−0.001", "+0.001", "p 0.010", "p 0.40"} <= set(texts(root))
    joined = "\n".join(tips(root))
    assert "a minus b\n+0.100 [0.050, 0.120]" in joined
    assert "b minus a\n−0.100 [−0.120, −0.050]" in joined
    assert joined.count("not compared") == 2
    rects = [r.get("class", "") for r in root.iter("rect")]
    assert sum("differs" in r for r in rects) == 2
    assert rects.count("self") == 3
    less = parsed(paired_matrix(["a", "b"], [pair("a", "b")], "EER", higher_is_better=False))
    (cell,) = (g for g in less.iter("g") if "+0.100" in texts(g))
    assert [r.get("class") for r in cell.iter("rect")] == ["worse", "worse differs"]


def test_robustness_has_a_panel_a_perturbation_and_whiskers_where_known() -> None:
    steps = [Step(0, 0.9, 0.8, 0.95), Step(1, 0.7, None, None, "crf 30"), Step(2, None, 0.1, 0.2)]
    names = [f"p{i}" for i in range(9)]
    root = parsed(robustness_chart([Line("m", dict.fromkeys(names, steps)), Line("k", {})]))
    assert [t for t in texts(root) if t in names] == names
    assert "m\np3, crf 30: 0.700" in tips(root)
    assert "m\nclean videos: 0.900 [0.800, 0.950]" in tips(root)
    assert sum(e.get("class") == "whisker" for e in root.iter("path")) == 9
    assert "0.900 at 0 to 0.700 at 1" in root[1].text


def test_cost_names_the_front_and_what_is_not_shown() -> None:
    points = [
        Point("small", 27977, 0.7),
        Point("big", 46_203_074, 0.9),
        Point("worse", 5e7, 0.8),
        Point("unknown", None, 0.99),
    ]
    root = parsed(cost_quality(points))
    assert "small (28.0 k, 0.700), big (46.2 M, 0.900)." in root[1].text
    assert "1 without video AUC or parameters not shown" in texts(root)
    assert {"100 k", "1 M", "10 M"} <= set(texts(root))
    (front,) = (e for e in root.iter("path") if e.get("class") == "front")
    assert len(re.findall("[ML]", front.get("d", ""))) == 4
    least = parsed(cost_quality(points, "parameters", "EER", higher_is_better=False))
    assert "small (28.0 k, 0.700)." in least[1].text


def test_names_of_points_do_not_cover_each_other() -> None:
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.uniform(40, 340, (40, 2))]
    boxes = place_labels(["name"] * 40, points, [], Box(0, 0, 400, 400), 11)
    found = [box for box in boxes if box is not None]
    shared = [a.shared(b) for i, a in enumerate(found) for b in found[:i]]
    assert len(found) > 20
    assert max(shared) < 0.15 * 11 * 30


@pytest.mark.parametrize(
    ("low", "high"), [(0.4, 1), (0.71, 0.71), (0, 0), (0.9931, 0.9934), (-3, 2e5), (1e-9, 2e-9)]
)
def test_ticks_are_round_few_and_reach_over_the_values(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    slack = 1e-6 * (max(ticks) - min(ticks))
    assert min(ticks) <= low + slack
    assert max(ticks) >= high - slack
    assert 2 <= len(ticks) <= 8
    assert len(set(ticks.values())) == len(ticks)
    assert all(float(text) == pytest.approx(at, abs=1e-9) for at, text in ticks.items())


def test_ticks_of_costs() -> None:
    assert list(log_ticks(2e4, 2e8).values()) == ["100 k", "1 M", "10 M", "100 M"]
    assert list(log_ticks(7e3, 1.1e5).values()) == ["10 k", "20 k", "50 k", "100 k"]
    assert list(log_ticks(0.5, 20).values()) == ["0.5", "1", "2", "5", "10", "20"][::2]
