"""Curves: what is drawn is what the metrics say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from drawn_charts import INF, drawn, parsed, polyline, texts
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from dfbench.evaluate.curves import det, roc
from dfbench_leaderboard.charts.curves import (
    RATES,
    Curve,
    det_chart,
    precision_recall_chart,
    roc_chart,
)


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
