"""Charts: well-formed whatever the names are, and their numbers are those that were put in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest
from browser import axe, browser, visit  # noqa: F401
from conftest import ROOT
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from dfbench.evaluate.calibrate import reliability
from dfbench.evaluate.curves import det, roc
from dfbench.evaluate.paired import Pair
from dfbench_leaderboard.charts.axes import log_ticks, round_ticks
from dfbench_leaderboard.charts.curves import (
    RATES,
    Curve,
    det_chart,
    precision_recall_chart,
    roc_chart,
)
from dfbench_leaderboard.charts.heatmap import Value, heat_map
from dfbench_leaderboard.charts.histogram import score_histogram
from dfbench_leaderboard.charts.labels import Box, place_labels
from dfbench_leaderboard.charts.paired import paired_matrix
from dfbench_leaderboard.charts.reliability import reliability_chart
from dfbench_leaderboard.charts.robustness import Line, Step, robustness_chart
from dfbench_leaderboard.charts.scatter import Point, cost_quality

ASSETS = ROOT / "leaderboard" / "dfbench_leaderboard" / "site" / "assets"
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


# --- curves ---------------------------------------------------------------------------------


def polyline(svg: str) -> tuple[np.ndarray, list[str]]:
    """Points [M, 2] of the only curve, and their thresholds."""
    (line,) = parsed(svg).iter("polyline")
    points = [[int(n) for n in point.split(",")] for point in line.get("points", "").split()]
    at = line.get("data-at", "").split(",")
    assert len(at) == len(points) <= 60
    return np.array(points), at


@pytest.mark.parametrize("n", [30, 90, 400, 20_000])
def test_the_area_under_the_drawn_curve_is_the_auc(n: int) -> None:
    labels, scores = drawn(n, n)
    points, at = polyline(roc_chart([Curve("a", labels, scores)]))
    x, y = points.T / 1000
    area = ((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum()
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=0.005)
    for (fpr, tpr), threshold in zip(points[1:] / 1000, at[1:], strict=True):
        called = scores >= float(threshold)
        assert fpr == pytest.approx(called[labels == 0].mean(), abs=0.002)
        assert tpr == pytest.approx(called[labels == 1].mean(), abs=0.002)


def test_det_is_the_roc_in_normal_deviates() -> None:
    labels, scores = drawn(3, 300)
    fpr, tpr = roc(labels, scores)
    np.testing.assert_allclose(det(labels, scores), norm.ppf([fpr, 1 - tpr]), atol=1e-9)
    x, y = det(labels, scores)
    assert (x[0], y[0]) == (-INF, INF)
    assert (x[-1], y[-1]) == (INF, -INF)
    points, _ = polyline(det_chart([Curve("a", labels, scores)]))
    low, high = (1000 * norm.ppf(rate) for rate in (RATES[0], RATES[-1]))
    assert points.min() == round(low)
    assert points.max() == round(high)
    shown = {tuple(point) for point in points.tolist()}
    every = np.round(1000 * np.clip([x, y], low / 1000, high / 1000)).astype(int).T
    assert shown <= {tuple(point) for point in every.tolist()}


def test_precision_recall_stops_at_operating_points() -> None:
    labels, scores = drawn(1, 60)
    points, at = polyline(precision_recall_chart([Curve("a", labels, scores)]))
    for (recall, precision), threshold in zip(points / 1000, at, strict=True):
        if threshold:
            called = scores >= float(threshold)
            assert recall == pytest.approx(called[labels == 1].mean(), abs=1e-3)
            assert precision == pytest.approx(labels[called].mean(), abs=1e-3)
    assert "67\xa0% are fake" in " ".join(
        texts(parsed(precision_recall_chart([Curve("", *drawn())])))
    )


@pytest.mark.parametrize("n", [90, 20_000])
def test_a_chart_of_one_curve_is_small(n: int) -> None:
    curve = Curve("meso4", *drawn(0, n, 3), "runs/1234.html", "AUC 0.705 [0.586, 0.808]")
    assert len(roc_chart([curve])) < 2048
    assert len(precision_recall_chart([curve])) < 2048
    assert len(det_chart([curve])) < 2400


def test_ten_curves_are_told_apart_without_colour_and_one_class_is_named() -> None:
    one = Curve("only real", np.zeros(5, int), np.linspace(0, 1, 5))
    root = parsed(roc_chart([*(Curve(f"m{i}", *drawn(i)) for i in range(9)), one]))
    looks = [line.get("class") for line in root.iter("polyline")]
    assert len(set(looks)) == 9
    dashes = [(look or "").split()[-1] for look in looks]
    assert all(a != b for a, b in pairwise(dashes))
    assert "one class only" in texts(root)
    assert "only real" not in str(root[1].text)


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


# --- how it looks and answers ---------------------------------------------------------------


def pairs_of(file: Path, name: str) -> list[tuple[str, str]]:
    """(light, dark) of the custom property."""
    text = file.read_text("utf-8")
    return re.findall(rf"--{name}: light-dark\((#\w+), (#\w+)\)", text)


def contrast(one: str, two: str) -> float:
    """WCAG 2, 1..21."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        linear = [
            v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
            for v in (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
        ]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_numbers_and_lines_stand_out(theme: int) -> None:
    charts, style = ASSETS / "charts.css", ASSETS / "style.css"
    (ink,), (page,) = pairs_of(style, "ink"), pairs_of(style, "page")
    for step in range(11):
        (shade,), (text,) = pairs_of(charts, f"h{step}"), pairs_of(charts, f"t{step}")
        assert contrast(shade[theme], text[theme]) >= 4.5, f"h{step}"
    for side in ("better", "worse"):
        (shade,) = pairs_of(charts, side)
        assert contrast(shade[theme], ink[theme]) >= 4.5, side
    for series in range(1, 9):
        (colour,) = pairs_of(style, f"s{series}")
        assert contrast(colour[theme], page[theme]) >= 3, f"s{series}"


def test_the_script_is_small_and_puts_no_markup_together() -> None:
    script = (ASSETS / "charts.js").read_text("utf-8")
    assert len(script.encode()) < 8192
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "fetch(", "import ", "http:"):
        assert word not in script.replace("http://www.w3.org/2000/svg", ""), word


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Path]:
    def write(*charts: str) -> Path:
        for name in ("style.css", "charts.css", "charts.js"):
            (tmp_path / name).write_bytes((ASSETS / name).read_bytes())
        figures = "".join(f'<figure class="chart">{chart}</figure>' for chart in charts)
        (tmp_path / "page.html").write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>charts</title>'
            '<link rel="stylesheet" href="style.css"><link rel="stylesheet" href="charts.css">'
            f'<link rel="icon" href="data:,"><script defer src="charts.js"></script>'
            f"<body><main><h1>Charts</h1>{figures}</main></html>",
            "utf-8",
        )
        return tmp_path / "page.html"

    return write


def test_pointer_and_keys_read_a_chart_out(browser, page) -> None:  # noqa: F811
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.7, 0.4, 0.6, 0.8, 0.9])
    curves = [Curve(HOSTILE[0], labels, scores), Curve("b", labels, 1 - scores, "#b")]
    heat = heat_map(["a"], ["a", "b"], {("a", "a"): Value(0.9), ("a", "b"): Value(0.6)})
    file = page(roc_chart(curves), det_chart(curves), heat)
    with visit(browser, file, viewport={"width": 390, "height": 900}) as shown:
        readout, first = shown.locator(".readout"), shown.locator("svg.plot").first
        box = first.bounding_box()
        scale = box["width"] / 360
        shown.mouse.move(box["x"] + 42 * scale, box["y"] + 190 * scale)
        assert readout.text_content() == f"{HOSTILE[0]}\nFPR 0.0 %, TPR 50.0 %\nscore ≥ 0.8"
        shown.keyboard.press("Escape")
        assert readout.text_content() == ""
        shown.keyboard.press("Tab")
        assert "FPR" in readout.text_content()
        shown.keyboard.press("Home")
        shown.keyboard.press("ArrowRight")
        assert readout.text_content().endswith("FPR 25.0 %, TPR 50.0 %\nscore ≥ 0.7")
        shown.keyboard.press("ArrowDown")
        assert readout.text_content().startswith("b\n")
        assert readout.get_attribute("aria-live") == "polite"
        shown.locator("svg.det").focus()
        shown.keyboard.press("ArrowRight")
        assert "FPR 25.0 %, FNR 50.0 %" in readout.text_content()
        shown.locator("svg.heat").focus()
        shown.keyboard.press("End")
        assert readout.text_content() == "trained on a, tested on b\nvideo AUC 0.600"
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        assert axe(shown) == []
