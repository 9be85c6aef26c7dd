"""From raw scores to metrics with intervals. Every number here can be computed again from
``predictions.csv``, the metric cards and what was chosen on validation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import MetricCard
from dfbench.catalogue.records import FAKE, REAL, Prediction
from dfbench.detector.aggregate import Aggregate
from dfbench.evaluate.bootstrap import DRAWS, Bootstrap, Measure
from dfbench.evaluate.decide import Chosen
from dfbench.evaluate.scores import Scores, clip_scores, video_scores
from dfbench.results.result import MetricValue
from dfbench.results.spec import OnMissing

Floats = NDArray[np.float64]
SHARES = frozenset(
    {
        "auc",
        "partial_auc",
        "tpr_at_fpr1",
        "tpr_at_fpr5",
        "tpr_at_fpr10",
        "average_precision",
        "eer",
        "brier",
        "ece",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
    }
)
"""Metrics from 0 to 1; a card does not say so."""


@dataclass(frozen=True)
class _Cell:
    """A value to be computed: what it is called, and the metric with what it is given."""

    about: MetricValue
    measure: Measure | None


def evaluate(
    predictions: Sequence[Prediction],
    metrics: Mapping[str, MetricCard],
    level: str,
    aggregate: Aggregate,
    on_missing: OnMissing,
    chosen: Chosen,
    seed: int = 0,
    draws: int = DRAWS,
    clips_a_person: int | None = None,
) -> tuple[MetricValue, ...]:
    """Every metric at both levels, over all fakes and method by method, with intervals.

    level: ``frame`` or ``clip``. chosen: thresholds and calibration from validation; all of them
    are used on videos as a whole, the first threshold alone elsewhere. clips_a_person: see
    ``video_scores``. Raises ResultError for a score that is no number.
    """
    videos = video_scores(predictions, aggregate, on_missing, clips_a_person)
    clips = clip_scores(predictions, level, on_missing)
    whole = measure(videos, "all", metrics, chosen, seed, draws)
    values = list(whole)
    brief = Chosen({rule: at for rule, at in chosen.thresholds.items() if rule == "val"})
    for table in (videos, clips):
        for subset, part in subsets(table):
            if table is videos and subset == "all":
                continue
            if alike(part, videos):  # one clip a video, or one method: nothing new to compute
                values += called(part.level, subset, whole, metrics)
            else:
                values += measure(part, subset, metrics, brief, seed, draws)
    return tuple(values)


def measure(
    part: Scores,
    subset: str,
    metrics: Mapping[str, MetricCard],
    chosen: Chosen,
    seed: int = 0,
    draws: int = DRAWS,
) -> list[MetricValue]:
    """Every metric on the scores of one level and subset, with intervals from the same draws; no
    ``draws``, no intervals. chosen: thresholds and calibration from validation."""
    # In the order of the scores, so that no metric has to sort for each draw.
    part = part.subset(np.argsort(-part.scores, kind="stable"))
    values: list[MetricValue] = []
    cells: list[_Cell] = []
    decided = _decisions(part, chosen) if draws else {}
    level = "video" if part.level == "video" else "clip"
    reals = int((part.labels == REAL).sum())
    for name, card in metrics.items():
        if level not in card.levels:
            continue
        plain = MetricValue(
            name=f"{part.level}/{name}", subset=subset, n_real=reals, n_fake=len(part) - reals
        )
        try:
            found = list(_cells(plain, card, part, chosen, decided, draws))
        except Exception as error:  # noqa: BLE001 - one plugin's metric must not lose the run
            values.append(replace(plain, reason=_told(error)))
            continue
        values += [cell.about for cell in found if cell.about.value is None]
        cells += [cell for cell in found if cell.about.value is not None]
    if not draws:
        return values + [cell.about for cell in cells]
    bootstrap = Bootstrap(part.groups, part.labels, draws, seed)
    intervals = bootstrap.intervals([cell.measure for cell in cells if cell.measure])
    return values + [
        replace(cell.about, low=low, high=high)
        for cell, (low, high) in zip(cells, intervals, strict=True)
    ]


def subsets(table: Scores) -> Iterator[tuple[str, Scores]]:
    """All videos; then, for each method, the real ones and its fakes. A method that is itself
    called ``all`` becomes ``method all``."""
    yield "all", table
    fake = table.labels == FAKE
    for method in sorted({method for method in table.methods[fake] if method}):
        name = f"method {method}" if method == "all" else method
        yield name, table.subset(~fake | (table.methods == method))


def alike(one: Scores, two: Scores) -> bool:
    """Whether every metric has the same values on both."""
    return len(one) == len(two) and all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("labels", "scores", "groups")
    )


def called(
    level: str, subset: str, values: Sequence[MetricValue], metrics: Mapping[str, MetricCard]
) -> Iterator[MetricValue]:
    """The values under the name of another level or subset."""
    for value in values:
        name = value.name.partition("/")[2]
        there = level == "video" or "clip" in metrics[name].levels
        if there and value.rule in (None, "0.5", "val"):
            yield replace(value, name=f"{level}/{name}", subset=subset)


def _decisions(part: Scores, chosen: Chosen) -> dict[str, Measure]:
    """Labels and decisions at each threshold, what is alike merged; the metric is put in later."""
    return {
        rule: Measure(len, part.labels, (part.scores >= at).astype(np.float64), True).merged()
        for rule, at in _thresholds(chosen).items()
    }


def _thresholds(chosen: Chosen) -> dict[str, float]:
    return {"0.5": 0.5, **chosen.thresholds}


def _cells(
    plain: MetricValue,
    card: MetricCard,
    part: Scores,
    chosen: Chosen,
    decided: Mapping[str, Measure],
    draws: int,
) -> Iterator[_Cell]:
    """The values of a metric, ``plain`` being what is known of them before."""
    function = card.resolve()
    for rule, at, values in _inputs(card, part.scores, chosen):
        outcome: dict[str, Any] = {"reason": "no scores"}
        if len(part):
            outcome = _known(float(function(part.labels, values)), plain.n_real, plain.n_fake)
        about = replace(plain, rule=rule, threshold=at, **outcome)
        if not draws:
            yield _Cell(about, None)
        elif at is not None and card.weighted and rule is not None and rule in decided:
            yield _Cell(about, replace(decided[rule], metric=function))
        else:
            yield _Cell(about, Measure(function, part.labels, values, card.weighted))


def _inputs(
    card: MetricCard, scores: Floats, chosen: Chosen
) -> Iterator[tuple[str | None, float | None, Floats]]:
    """(rule, threshold, values): what the metric is computed on, raw, calibrated, or decided."""
    if card.needs == "decisions":
        for rule, at in _thresholds(chosen).items():
            yield rule, at, (scores >= at).astype(np.float64)
        return
    yield None, None, scores
    if card.needs == "probabilities":
        for rule, values in chosen.calibrated(scores).items():
            yield rule, None, values


def _known(value: float, reals: int, fakes: int) -> dict[str, Any]:
    if math.isfinite(value):
        return {"value": value}
    if reals and fakes:
        return {"reason": "undefined"}
    return {"reason": f"only {'fake' if fakes else 'real'} videos"}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
