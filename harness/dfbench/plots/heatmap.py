"""Generalisation as a picture: a panel a detector, trained on downwards, tested on across."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dfbench.evaluate.generalisation import Entry, Grid
from dfbench.plots.curves import plain

_MAP = colormaps["cividis"]
_CHANCE_AT = ("auc",)
_ACROSS = 3
_WIDTH, _HEIGHT = 1.25, 0.85  # of a place, inches


def heatmap_figure(tables: Sequence[Grid], note: str = "") -> Figure:
    """Mean and sd over seeds in each place; in-domain ones are framed, and what failed says so."""
    columns = min(len(tables), _ACROSS)
    rows = -(-len(tables) // columns)
    wide = max(len(table.tests) for table in tables)
    high = max(len(table.trains) for table in tables)
    figure = Figure(
        figsize=(max((wide * _WIDTH + 1.7) * columns, 5), (high * _HEIGHT + 1.6) * rows + 0.7),
        dpi=120,
        layout="constrained",
    )
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    norm = _norm(tables)
    for axes, table in zip(panels, tables, strict=False):
        _panel(axes, table, norm)
    for axes in panels[len(tables) :]:
        axes.remove()
    scale = figure.colorbar(
        ScalarMappable(norm, _MAP), ax=panels[: len(tables)], shrink=0.8, aspect=30
    )
    level, _, name = tables[0].metric.partition("/")
    scale.set_label(f"{name} per {level}", fontsize=9)
    scale.ax.tick_params(labelsize=8)
    figure.suptitle(f"{name} per {level}; framed: in-domain{note and '; ' + note}", fontsize=10)
    return figure


def _norm(tables: Sequence[Grid]) -> Normalize:
    """From chance to 1 for a metric that has both, else over the numbers there are."""
    means = [e.mean for t in tables for e in t.entries.values() if e.mean is not None]
    name = tables[0].metric.partition("/")[2].partition("[")[0]
    if name in _CHANCE_AT:
        return Normalize(min([0.5, *means]), 1.0)
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    return Normalize(low, high if high > low else low + 1e-9)


def _panel(axes: Axes, table: Grid, norm: Normalize) -> None:
    means = np.array(
        [[_mean(table.entries[train, test]) for test in table.tests] for train in table.trains]
    )
    axes.set_facecolor("0.88")
    axes.imshow(np.ma.masked_invalid(means), cmap=_MAP, norm=norm, aspect="auto")
    for y, train in enumerate(table.trains):
        for x, test in enumerate(table.tests):
            _place(axes, x, y, table.entries[train, test], norm)
    axes.set_xticks(range(len(table.tests)), [_name(test) for test in table.tests], fontsize=8)
    axes.set_yticks(range(len(table.trains)), [_name(train) for train in table.trains], fontsize=8)
    axes.set_xlabel("tested on", fontsize=9)
    axes.set_ylabel("trained on", fontsize=9)
    axes.set_title(plain(fill(table.detector, 40)), fontsize=10)
    axes.tick_params(length=0)


def _place(axes: Axes, x: int, y: int, entry: Entry, norm: Normalize) -> None:
    if entry.in_domain:
        axes.add_patch(
            Rectangle(
                (x - 0.47, y - 0.46), 0.94, 0.92, fill=False, linewidth=2.5, edgecolor="#D55E00"
            )
        )
    text, colour = "failed" if entry.lacking else "not asked", "black"
    if entry.mean is not None:
        spread = "" if entry.sd is None else f"\n± {entry.sd:.3f}"
        text = f"{entry.mean:.3f}{spread}" + (f"\n{entry.seeds}" if entry.seeds else "")
        colour = "white" if _dark(norm(entry.mean)) else "black"
    axes.text(x, y, text, ha="center", va="center", fontsize=8, color=colour)


def _dark(share: float) -> bool:
    """Whether white can be read on that colour better than black (relative luminance)."""
    red, green, blue, _ = _MAP(float(share))
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45)


def _mean(entry: Entry) -> float:
    return np.nan if entry.mean is None else entry.mean


def _name(text: str) -> str:
    """A dataset's label, its options below its name."""
    return plain(fill(text.replace(":", ": ").replace(",", ", "), 16))
