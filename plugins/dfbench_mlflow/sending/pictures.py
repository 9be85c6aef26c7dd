"""The pictures of a run, drawn from its stored scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from dfbench.detector.aggregate import AGGREGATES
from dfbench.detector.network import Detector
from dfbench.evaluate.scores import video_scores
from dfbench.plots import curves
from dfbench.plots.reliability import reliability_figure
from dfbench.results.predictions import read_predictions
from dfbench.results.result import RunResult


def draw(result: RunResult, run: Path, detector: Callable[[], Detector]) -> dict[str, Figure]:
    """File name -> picture. ``detector`` is asked for only where its own code aggregates clips.

    Raises ResultError when the scores cannot be read, and what ``detector`` raises.
    """
    spec = result.spec
    rows = read_predictions(run)
    way = AGGREGATES.get(spec.aggregate) or detector().aggregated_by(spec.aggregate)
    videos = video_scores(rows, way, spec.on_missing, spec.clips_a_person)
    return {
        **curves.curve_figures(result, videos),
        "reliability.png": reliability_figure(result, videos),
    }
