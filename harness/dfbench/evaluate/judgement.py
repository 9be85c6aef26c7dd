"""All that a result says of scores, in one place: a run, a recomputation and an imported file are
judged alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dfbench.catalogue.cards import MetricCard
from dfbench.catalogue.records import Prediction
from dfbench.detector.aggregate import Aggregate
from dfbench.evaluate.bootstrap import DRAWS
from dfbench.evaluate.breakdown import About, break_down, read_about
from dfbench.evaluate.decide import RULES, choose
from dfbench.evaluate.metrics import evaluate
from dfbench.evaluate.mistakes import mistakes
from dfbench.evaluate.scores import coverage, video_scores
from dfbench.evaluate.stored import StoredRun
from dfbench.results.result import RunResult
from dfbench.results.spec import OnMissing, RunSpec


def judge(
    spec: RunSpec,
    rows: Sequence[Prediction],
    validation: Sequence[Prediction] | None,
    aggregate: Aggregate,
    metrics: Mapping[str, MetricCard],
    about: About,
    draws: int = DRAWS,
    rules: Sequence[str] = RULES,
) -> dict[str, Any]:
    """The fields of a ``RunResult`` that follow from the scores: ``metrics``, ``coverage``,
    ``chosen``, ``breakdowns``, ``mistakes``.

    validation: scores that thresholds and calibration are chosen on, None without any. A video
    without a score counts there as 0.5. rules: how thresholds are chosen on them. about: what
    is known of the test videos.
    """
    chosen = choose(
        None if validation is None else video_scores(validation, aggregate, "chance"), rules
    )
    videos = video_scores(rows, aggregate, spec.on_missing, spec.clips_a_person)
    return {
        "metrics": evaluate(
            rows,
            metrics,
            spec.model.clip.level,
            aggregate,
            spec.on_missing,
            chosen,
            spec.seed,
            draws,
            spec.clips_a_person,
        ),
        "coverage": coverage(rows),
        "chosen": chosen.to_json(),
        "breakdowns": break_down(rows, videos, about, metrics, chosen, spec.seed, draws),
        "mistakes": mistakes(videos, chosen.thresholds.get("val")),
    }


def judge_again(
    run: StoredRun,
    metrics: Mapping[str, MetricCard],
    aggregate: str | None = None,
    on_missing: OnMissing | None = None,
    rules: Sequence[str] = RULES,
    draws: int = DRAWS,
) -> RunResult:
    """The run's result as it is under another aggregate, treatment of missing scores or rules for
    the threshold; under its own it comes out the same. Thresholds and calibration are chosen anew
    on validation under the same aggregate. Nothing is written.

    Raises ResultError for files that do not hold, OptionError for an unknown aggregate or rule.
    """
    spec = replace(
        run.result.spec,
        aggregate=aggregate or run.result.spec.aggregate,
        on_missing=on_missing or run.result.spec.on_missing,
    )
    judged = judge(
        spec,
        run.rows,
        run.validated,
        run.aggregate(spec.aggregate),
        metrics,
        read_about(run.folder / "videos.csv"),
        draws,
        rules,
    )
    return replace(run.result, spec=spec, **judged)
