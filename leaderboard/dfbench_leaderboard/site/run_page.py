"""The page of one run: what was run, what came out, where it is wrong, how to make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from dfbench import RunResult, open_catalogue
from dfbench.evaluate import StoredRun, is_known_metric, reliability
from dfbench.results import MetricValue
from dfbench_leaderboard.charts.curves import Curve, precision_recall_chart, roc_chart
from dfbench_leaderboard.charts.histogram import score_histogram
from dfbench_leaderboard.charts.reliability import reliability_chart
from dfbench_leaderboard.rows.facts import origin_facts, spec_facts
from dfbench_leaderboard.rows.row import Row
from dfbench_leaderboard.site import command_again
from dfbench_leaderboard.site.contents import METRICS, dataset_page, detector_page, run_page
from dfbench_leaderboard.site.render import environment

HEADLINE = ("video/auc", "video/f1", "video/accuracy", "video/eer", "video/log_loss", "video/ece")
MOST_PARTS = 40
"""Parts in the breakdown of a run's page."""


@dataclass(frozen=True)
class Pages:
    """Writes pages of runs below ``out``. common: what all pages of the site say."""

    out: Path
    common: Mapping[str, Any]

    def visit(self, run: StoredRun, row: Row, whole: bool) -> None:
        """As a visitor of ``collect``. Where not all numbers were computed again there are very
        many runs, and few of them get charts: by ``write``."""
        self.write(run, row, whole=whole, drawn=whole)

    def write(self, run: StoredRun, row: Row, *, whole: bool, drawn: bool) -> None:
        """``runs/<id>.html``. whole: every value of the result was computed again; otherwise the
        page shows those of the main table alone. drawn: with charts."""
        content = _content(run, row, whole)
        charts = list(_charts(run)) if drawn else []
        page = _template().render(**self.common, **content, charts=charts, root="../", current="")
        (self.out / run_page(row.spec)).write_text(page, "utf-8")


@cache
def _template() -> jinja2.Template:
    return environment().get_template("run.html")


def _content(run: StoredRun, row: Row, whole: bool) -> dict[str, Any]:
    result, spec = run.result, run.result.spec
    return {
        "spec": spec,
        "kind": row.kind,
        "row": row,
        "result": result,
        "counts": result.counts,
        "detector_page": detector_page(spec.model.detector),
        "dataset_page": dataset_page(spec.test.label),
        "headline": [(METRICS[key], value) for key in HEADLINE if (value := row.value(key))],
        "metrics": _metrics(result, row, whole),
        "whole": whole,
        "parts": list(_parts(result))[:MOST_PARTS] if whole else [],
        "mistakes": result.mistakes if whole else (),
        "how": spec_facts(spec),
        "origin": origin_facts(run),
        "command": command_again.command(spec),
    }


def _charts(run: StoredRun) -> Iterator[tuple[str, str]]:
    """(caption, SVG)."""
    videos = run.scores()
    curve = [Curve(run.result.spec.model.label, videos.labels, videos.scores)]
    yield "ROC: fakes found against false alarms", roc_chart(curve)
    yield "Precision and recall", precision_recall_chart(curve)
    points = {"as scored": reliability(videos.labels, videos.scores)}
    yield "Reliability: does a score mean what it says?", reliability_chart(points)
    yield (
        "Scores of real and fake videos",
        score_histogram(videos.labels, videos.scores, run.result.threshold),
    )


def _metrics(result: RunResult, row: Row, whole: bool) -> list[MetricValue]:
    """Those of all videos and of single frames or clips, as far as they were computed again, at
    validation's threshold where there is one; the rest are ``dfbench score``'s to show."""
    cards = open_catalogue().metrics()
    rules = (None, "temperature", "0.5" if result.threshold is None else "val")
    found = result.metrics if whole else tuple(row.metrics.values())
    return [
        value
        for value in found
        if value.subset == "all" and value.rule in rules and is_known_metric(value, cards)
    ]


def _parts(result: RunResult) -> Iterator[dict[str, Any]]:
    for part in result.breakdowns:
        values = {value.name.partition("/")[2]: value for value in part.metrics}
        yield {
            "by": part.by,
            "value": part.value,
            "videos": part.videos,
            "coverage": part.coverage,
            "auc": values.get("auc"),
            "accuracy": values.get("accuracy"),
        }
