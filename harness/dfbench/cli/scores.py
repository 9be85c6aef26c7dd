"""Tables of what scores say, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfbench.cli.display import interval
from dfbench.results.result import Breakdown, MetricValue, RunResult

RANKS = {
    "auc": "AUC",
    "partial_auc": "partial AUC (FPR up to 10 %)",
    "average_precision": "AP",
    "eer": "EER",
    "tpr_at_fpr1": "TPR at FPR 1 %",
    "tpr_at_fpr5": "TPR at FPR 5 %",
    "tpr_at_fpr10": "TPR at FPR 10 %",
}
DECISIONS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "f1": "F1",
}
PROBABILITIES = {"ece": "ECE", "brier": "Brier", "log_loss": "log loss"}
RULES = {"0.5": "0.5", "val": "best J on validation", "f1": "best F1 on validation"}
CALIBRATIONS = {None: "as scored", "temperature": "temperature", "isotonic": "isotonic"}


def print_scores(results: Mapping[str, RunResult], console: Console) -> None:
    """All of one run, under each aggregate (name -> result)."""
    first = next(iter(results.values()))
    spec = first.spec
    told = f"{spec.model.label} trained on {spec.model.trained_on}, tested on {spec.test.label}"
    variant = f", {spec.variant}" if spec.variant else ""
    console.print(Text(f"{told}{variant}, seed {spec.seed} ({spec.run_id})", style="bold"))
    console.print(_ranks(results))
    for name, result in results.items():
        console.print(_decisions(name, result), _probabilities(name, result), sep="\n")
        if result.breakdowns:
            console.print(_breakdowns(name, result.breakdowns))
        if result.mistakes:
            console.print(_mistakes(name, result))


def _ranks(results: Mapping[str, RunResult]) -> Table:
    """Metrics of raw scores: a row a metric, a column an aggregate; then those of other plugins."""
    table = _table("per video, with 95 % intervals over groups", "", *results)
    known = {*RANKS, *DECISIONS, *PROBABILITIES}
    foreign = [
        v.name.partition("/")[2]
        for v in next(iter(results.values())).metrics
        if v.name.startswith("video/") and v.subset == "all" and v.rule is None
    ]
    for name in dict.fromkeys([*RANKS, *(f for f in foreign if f not in known)]):
        cells = [_cell(result.metrics, name, None) for result in results.values()]
        if any(cells):
            table.add_row(Text(RANKS.get(name, name)), *map(Text, cells))
    return table


def _decisions(aggregate: str, result: RunResult) -> Table:
    """A row a threshold; all but the first are carried over from validation."""
    title = f"decisions ({aggregate} of clips), thresholds carried over from validation"
    table = _table(title, "threshold", "at", *DECISIONS.values())
    for rule, at in {"0.5": 0.5, **result.chosen.get("thresholds", {})}.items():
        cells = [_cell(result.metrics, name, rule) for name in DECISIONS]
        table.add_row(rule_in_words(rule), f"{at:.3f}", *cells)
    return table


def rule_in_words(rule: str) -> str:
    share = rule.removeprefix("fpr")
    return RULES.get(rule, f"FPR {share} % on validation")


def _probabilities(aggregate: str, result: RunResult) -> Table:
    temperature = result.chosen.get("temperature")
    known = f", temperature {temperature:.3g}" if temperature else ""
    title = f"calibration ({aggregate} of clips), fitted on validation{known}"
    table = _table(title, "scores", *PROBABILITIES.values())
    for rule, words in CALIBRATIONS.items():
        cells = [_cell(result.metrics, name, rule) for name in PROBABILITIES]
        if any(cells):
            table.add_row(words, *cells)
    return table


def _breakdowns(aggregate: str, parts: Sequence[Breakdown]) -> Table:
    table = _table(
        f"breakdown ({aggregate} of clips)",
        "by",
        "",
        "videos",
        "coverage",
        "against",
        "AUC",
        "accuracy",
    )
    last = ""
    for part in parts:
        if last and part.by != last:
            table.add_section()
        against = "all reals" if part.reals == "all" else "its own reals"
        decided = [m for m in part.metrics if m.name == "video/accuracy"]
        table.add_row(
            Text(part.by if part.by != last else ""),
            Text(part.value),
            str(part.videos),
            f"{part.coverage:.1%}",
            against,
            interval(next((m for m in part.metrics if m.name == "video/auc"), None)),
            interval(decided[-1] if decided else None),
        )
        last = part.by
    return table


def _mistakes(aggregate: str, result: RunResult) -> Table:
    at = "0.5" if result.threshold is None else f"{result.threshold:.3f}"
    table = _table(
        f"the most confident mistakes ({aggregate} of clips), threshold {at}",
        "video",
        "is",
        "score",
    )
    for mistake in result.mistakes:
        kind = f"fake: {mistake.method}" if mistake.label else "real"
        table.add_row(Text(mistake.video), Text(kind), f"{mistake.score:.3f}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="dim"), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(Text(column))
    return table


def _cell(metrics: Sequence[MetricValue], name: str, rule: str | None) -> str:
    return interval(next(_all(metrics, name, rule), None))


def _all(metrics: Sequence[MetricValue], name: str, rule: str | None) -> Iterator[MetricValue]:
    for value in metrics:
        if (value.name, value.subset, value.rule) == (f"video/{name}", "all", rule):
            yield value
