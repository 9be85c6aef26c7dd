"""A finished run looked at again: other aggregates, other thresholds, from the scores it stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dfbench.cards import MetricCard
from dfbench.evaluate.bootstrap import DRAWS
from dfbench.evaluate.breakdown import read_about
from dfbench.evaluate.decide import RULES
from dfbench.evaluate.judge import judge
from dfbench.evaluate.stored import StoredRun
from dfbench.result import RunResult
from dfbench.spec import OnMissing


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
