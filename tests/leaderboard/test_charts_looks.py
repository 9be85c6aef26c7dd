"""How charts look, and how they answer to pointer and keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import axe, visit
from drawn_charts import HOSTILE
from repository import ROOT

from dfbench_leaderboard.charts.curves import Curve, det_chart, roc_chart
from dfbench_leaderboard.charts.heatmap import Value, heat_map

ASSETS = ROOT / "leaderboard" / "dfbench_leaderboard" / "site" / "assets"


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


def test_pointer_and_keys_read_a_chart_out(browser, page) -> None:
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
