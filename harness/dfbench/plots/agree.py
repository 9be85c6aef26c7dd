"""How alike detectors score, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dfbench.evaluate.agree import MEASURES, Agreement
from dfbench.plots.curves import plain


def agreement_figure(
    names: Sequence[str], found: Sequence[Agreement], measure: str = "spearman"
) -> Figure:
    """One panel a part of the videos (all, real, fake), numbers in the cells."""
    side = 1.2 + 0.9 * len(names)
    figure = Figure(figsize=(len(found) * side + 2, side + 1), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    image = None
    for axes, part in zip(panels, found, strict=True):
        matrix = part.matrices[measure]
        image = axes.imshow(matrix, vmin=-1, vmax=1, cmap="cividis")
        labels = [plain(name) for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=45, ha="right", fontsize=8)
        axes.set_yticks(range(len(names)), labels, fontsize=8)
        axes.set_title(f"{part.part} videos ({part.videos})", fontsize=9)
        for (row, column), value in np.ndenumerate(matrix):
            shown = "none" if np.isnan(value) else f"{value:.2f}"
            colour = "white" if np.isnan(value) or value < 0.3 else "black"
            axes.text(column, row, shown, ha="center", va="center", fontsize=8, color=colour)
    figure.suptitle(f"{MEASURES[measure]}, one score a video", fontsize=10)
    if image is not None:
        figure.colorbar(image, ax=list(panels), label=MEASURES[measure], shrink=0.8)
    return figure
