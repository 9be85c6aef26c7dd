"""The picture of a matrix: its numbers, its failures, and where home is."""

from __future__ import annotations

import pytest
from outcomes import outcome

from dfbench.evaluate.generalisation import grids


def test_the_picture_says_numbers_failures_and_where_home_is():
    from matplotlib.patches import Rectangle

    from dfbench.plots.heatmap import heatmap_figure

    cells = [
        outcome("a", "a", 0, 0.9),
        outcome("a", "a", 1, 0.8),
        outcome("a", "b$", 0, None, reason="gone"),
    ]
    figure = heatmap_figure(grids(cells, "video/auc", True), "a quick look")
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.texts] == ["0.850\n± 0.071", "failed"]
    frames = [p for p in axes.patches if isinstance(p, Rectangle)]
    assert [(p.get_x() + p.get_width() / 2, p.get_y() + p.get_height() / 2) for p in frames] == [
        pytest.approx((0, 0))
    ]
    assert axes.images[0].get_cmap().name == "cividis"
    assert axes.images[0].norm.vmin == 0.5
