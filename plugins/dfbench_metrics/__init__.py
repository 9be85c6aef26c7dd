"""The metrics that every run reports."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import MetricCard, hookimpl


def _card(name: str, summary: str, *, higher: bool, decisions: bool = False) -> MetricCard:
    return MetricCard(
        name=name,
        summary=summary,
        target=f"dfbench_metrics.functions:{name}",
        higher_is_better=higher,
        needs="decisions" if decisions else "scores",
        weighted=True,
    )


@hookimpl
def dfbench_metrics() -> Iterable[MetricCard]:
    return [
        _card("auc", "area under the ROC curve, on raw scores", higher=True),
        _card("average_precision", "area under the precision-recall curve, by steps", higher=True),
        _card("eer", "equal error rate: where false positive and miss rate meet", higher=False),
        _card("log_loss", "mean negative log likelihood of the labels", higher=False),
        _card("accuracy", "share of right decisions", higher=True, decisions=True),
        _card("precision", "share of real fakes among those called fake", higher=True,
              decisions=True),
        _card("recall", "share of the fakes that are called fake", higher=True, decisions=True),
        _card("f1", "harmonic mean of precision and recall; equals Dice", higher=True,
              decisions=True),
    ]  # fmt: skip
