"""The page of one run: what was run, what came out, where it is wrong, how to make it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from dfbench.catalogue import catalogue
from dfbench.evaluate.calibrate import reliability
from dfbench.evaluate.decide import Chosen
from dfbench.evaluate.scores import Scores
from dfbench.evaluate.stored import StoredRun
from dfbench.evaluate.verify import known
from dfbench.result import MetricValue, RunResult
from dfbench.spec import DataSpec, RunSpec
from dfbench_leaderboard.charts.curves import (
    Curve,
    precision_recall_chart,
    roc_chart,
)
from dfbench_leaderboard.charts.histogram import score_histogram
from dfbench_leaderboard.charts.reliability import reliability_chart
from dfbench_leaderboard.collect import Row
from dfbench_leaderboard.site import again
from dfbench_leaderboard.site.contents import (
    METRICS,
    dataset_page,
    detector_page,
    run_page,
)
from dfbench_leaderboard.site.render import environment

HEADLINE = ("video/auc", "video/f1", "video/accuracy", "video/eer", "video/log_loss", "video/ece")
RULES = (None, "0.5", "val", "temperature")
MOST_PARTS = 40
"""Parts in the breakdown of a run's page."""


@dataclass(frozen=True)
class Pages:
    """Writes pages of runs below ``out``. common: what all pages of the site say."""

    out: Path
    common: Mapping[str, Any]

    def visit(self, run: StoredRun, row: Row, whole: bool) -> None:
        """``runs/<id>.html``. whole: every number of the result was computed again; otherwise the
        page shows those of the main table alone."""
        content = _content(run, row, whole)
        page = _template().render(**self.common, **content, root="../", current="")
        (self.out / run_page(row.spec)).write_text(page, "utf-8")


@cache
def _template() -> jinja2.Template:
    return environment().get_template("run.html")


def _content(run: StoredRun, row: Row, whole: bool) -> dict[str, Any]:
    result, spec, videos = run.result, run.result.spec, run.scores()
    return {
        "spec": spec, "kind": row.kind, "row": row, "result": result,
        "detector_page": detector_page(spec.model.detector),
        "dataset_page": dataset_page(spec.test.label),
        "headline": [(METRICS[key], value) for key in HEADLINE if (value := row.value(key))],
        "charts": list(_charts(run, videos)),
        "metrics": _metrics(result, row, whole),
        "parts": list(_parts(result))[:MOST_PARTS] if whole else [],
        "mistakes": result.mistakes if whole else (),
        "facts_of_spec": list(_facts(spec)), "made": list(_made(run)), "command": again.command(spec),
        "counts": result.counts,
    }  # fmt: skip


def _charts(run: StoredRun, videos: Scores) -> Iterator[tuple[str, str]]:
    """(caption, SVG)."""
    curve = [Curve(run.result.spec.model.label, videos.labels, videos.scores)]
    yield "ROC: fakes found against false alarms", roc_chart(curve)
    yield "Precision and recall", precision_recall_chart(curve)
    given = {"as scored": videos.scores}
    calibrated = Chosen.from_json(run.result.chosen).calibrated(videos.scores)
    if "temperature" in calibrated:
        given["with validation's temperature"] = calibrated["temperature"]
    points = {name: reliability(videos.labels, scores) for name, scores in given.items()}
    yield "Reliability: does a score mean what it says?", reliability_chart(points)
    yield (
        "Scores of real and fake videos",
        score_histogram(videos.labels, videos.scores, run.result.threshold),
    )


def _metrics(result: RunResult, row: Row, whole: bool) -> list[MetricValue]:
    """Those of all videos and of single frames or clips, as far as they were computed again; the
    rarer thresholds and calibrations are ``dfbench score``'s to show."""
    cards = catalogue().metrics()
    found = result.metrics if whole else tuple(row.metrics.values())
    return [
        value for value in found
        if value.subset == "all" and value.rule in RULES and known(value, cards)
    ]  # fmt: skip


def _parts(result: RunResult) -> Iterator[dict[str, Any]]:
    for part in result.breakdowns:
        values = {value.name.partition("/")[2]: value for value in part.metrics}
        yield {"by": part.by, "value": part.value, "videos": part.videos,
               "coverage": part.coverage, "auc": values.get("auc"),
               "accuracy": values.get("accuracy")}  # fmt: skip


def _facts(spec: RunSpec) -> Iterator[tuple[str, str]]:
    """The spec, in words, in the order of what happened."""
    model, train = spec.model, spec.model.train
    yield "detector", model.label
    yield "plugin", " ".join(filter(None, (model.plugin, model.plugin_version)))
    yield "options", ", ".join(f"{name}={value}" for name, value in sorted(model.options.items()))
    yield "starts from", model.weights or ("unknown" if model.made_elsewhere else "random weights")
    yield "sha256 of those weights", model.weights_sha256 or ""
    if not model.made_elsewhere:
        clip = model.clip
        yield (
            "clip",
            (
                f"{clip.frames} frames, {clip.stride} apart, {clip.windows} a video, {clip.size} px, "
                f"crop {clip.margin:g} x the face, {clip.align}"
            ),
        )
    if train:
        yield "trained on", _data(train.data)
        settings = {k: v for k, v in asdict(train).items() if k not in ("data", "seed")}
        yield "training", ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())
    yield "tested on", _data(spec.test)
    yield "perturbed by", spec.variant
    yield "score of a video", f"{spec.aggregate} over its clips"
    missing = {"chance": "counts as 0.5", "exclude": "is left out"}
    yield "a video without a score", missing[spec.on_missing]
    yield "seed", str(spec.seed)
    yield "protocol", spec.protocol
    yield "read by", ", ".join(filter(None, (model.reader, model.precision)))


def _data(data: DataSpec) -> str:
    faces = f", faces by {data.faces} {data.faces_version}" if data.faces else ""
    few = f", at most {data.limit} a split" if data.limit is not None else ""
    return f"{data.label}: {data.videos} videos{few}{faces}, fingerprint {data.fingerprint}"


def _made(run: StoredRun) -> Iterator[tuple[str, str]]:
    """Where and with what it was made, and what its scores are known by."""
    result = run.result
    machine, made, cost = result.environment, result.provenance, result.cost
    yield "run", result.spec.run_id
    yield "model", result.spec.model.model_id
    yield "ended", str(made.get("ended", ""))
    yield "commit", str(made.get("git_commit") or "")
    yield "device", str(machine.get("gpu") or machine.get("device") or "")
    yield "processor", " x ".join(str(machine[k]) for k in ("cores", "cpu") if machine.get(k))
    yield "system", str(machine.get("platform") or "")
    versions = dict(machine.get("versions") or {})
    yield "versions", ", ".join(f"{name} {number}" for name, number in versions.items())
    seconds = dict(cost.get("seconds") or {})
    yield "seconds", ", ".join(f"{name} {value:.4g}" for name, value in seconds.items())
    memory = {"memory": "peak_memory_mb", "GPU memory": "peak_gpu_memory_mb"}
    yield "peak", ", ".join(f"{k} {cost[v]:,.0f} MB" for k, v in memory.items() if cost.get(v))
    yield "sha256 of predictions.csv", _sha256(run.folder / "predictions.csv")
    yield "what the dataset says of its videos", result.truth or ""
    yield "leaks", "; ".join(map(str, made.get("leak_check") or ()))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
