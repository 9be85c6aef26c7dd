"""The pictures of a run, drawn from its stored scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from dfbench import (
    AGGREGATES,
    Detector,
    RunResult,
    curve_figures,
    read_predictions,
    reliability_figure,
)
from dfbench.evaluate import video_scores


def draw(result: RunResult, run: Path, detector: Callable[[], Detector]) -> dict[str, Figure]:
    """File name -> picture. ``detector`` is asked for only where its own code aggregates clips.

    Raises ResultError when the scores cannot be read, and what ``detector`` raises.
    """
    spec = result.spec
    rows = read_predictions(run)
    way = AGGREGATES.get(spec.aggregate) or detector().aggregated_by(spec.aggregate)
    videos = video_scores(rows, way, spec.on_missing, spec.clips_a_person)
    return {**curve_figures(result, videos), "reliability.png": reliability_figure(result, videos)}
