"""The metrics that every run reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dfbench import MetricCard, Needs, hookimpl


def _card(
    name: str,
    summary: str,
    *,
    higher: bool = True,
    needs: Needs = "scores",
    levels: tuple[Literal["video", "clip"], ...] = ("video", "clip"),
) -> MetricCard:
    return MetricCard(
        levels=levels,
        name=name,
        summary=summary,
        target=f"dfbench_metrics.functions:{name}",
        higher_is_better=higher,
        needs=needs,
        weighted=True,
    )


@hookimpl
def dfbench_metrics() -> Iterable[MetricCard]:
    return [
        _card("auc", "area under the ROC curve, on raw scores"),
        _card("partial_auc", "the same up to 10 % false positives; chance is 0.5"),
        _card("tpr_at_fpr1", "share of fakes found at 1 % false positives at most"),
        _card("tpr_at_fpr5", "share of fakes found at 5 % false positives at most"),
        _card("tpr_at_fpr10", "share of fakes found at 10 % false positives at most"),
        _card("average_precision", "area under the precision-recall curve, by steps"),
        _card("eer", "equal error rate: where false positive and miss rate meet", higher=False),
        _card(
            "log_loss",
            "mean negative log likelihood of the labels",
            higher=False,
            needs="probabilities",
        ),
        _card(
            "kaggle_log_loss",
            "log loss as in the DFDC challenge, clipped at 1e-15",
            higher=False,
            levels=("video",),
        ),
        _card(
            "brier", "mean squared distance of score and label", higher=False, needs="probabilities"
        ),
        _card(
            "ece",
            "expected calibration error, 15 bins of the score",
            higher=False,
            needs="probabilities",
        ),
        _card("accuracy", "share of right decisions", needs="decisions"),
        _card(
            "balanced_accuracy",
            "mean of the shares of fakes and of reals decided rightly",
            needs="decisions",
        ),
        _card("precision", "share of real fakes among those called fake", needs="decisions"),
        _card("recall", "share of the fakes that are called fake", needs="decisions"),
        _card("specificity", "share of the real videos that are called real", needs="decisions"),
        _card("f1", "harmonic mean of precision and recall; equals Dice", needs="decisions"),
    ]
