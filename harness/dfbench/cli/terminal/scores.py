"""Tables of what scores say, for the terminal: of one run, and of one that was perturbed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfbench.cli.terminal.display import interval
from dfbench.evaluate.robustness import Robustness, Tested, auc, robustness_of
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


def print_robustness(results: Sequence[RunResult], console: Console) -> None:
    """A table for each test set that was perturbed; nothing where none was."""
    for found in robustness_of(results):
        spec = found.clean.spec
        console.print(
            f"{spec.model.label} trained on {spec.model.trained_on}, tested on "
            f"{spec.test.label}, perturbed: video AUC",
            markup=False,
        )
        console.print(robustness_table(found))
        for line in _drop_notes(found):
            console.print(Text(line, style="dim"))


def robustness_table(found: Robustness) -> Table:
    """A row a perturbation, its values from left to right as they grow severe."""
    table = Table("severity", box=SIMPLE, show_lines=True, pad_edge=False, collapse_padding=True)
    most = max(len(tests) for tests in found.perturbed.values())
    for number in range(1, most + 1):
        table.add_column("1 (mildest)" if number == 1 < most else str(number), no_wrap=True)
    for name, tests in found.perturbed.items():
        first = f"{name}\n{tests[0].by.kind.unit}\n\nmean {_change(found.mean_drop(name))}"
        table.add_row(Text(first), *(Text(_drop_cell(found, tested)) for tested in tests))
    return table


def _drop_cell(found: Robustness, tested: Tested) -> str:
    here = auc(tested.result)
    value = here.reason or "none" if here.value is None else f"{here.value:.3f}"
    between = "" if here.low is None else f"{here.low:.3f}-{here.high:.3f}"
    return f"{tested.by.value:g}\n{value}\n{between}\n{_change(found.drop(tested.result))}"


def _drop_notes(found: Robustness) -> list[str]:
    clean, drop = auc(found.clean), found.mean_drop()
    if clean.value is None or drop is None:
        return [f"clean: {clean.reason or 'no AUC'}"]
    between = "" if clean.low is None else f" ({clean.low:.3f}-{clean.high:.3f})"
    share = found.relative(drop)
    of = "" if share is None else f", {share:.0%} of what the clean AUC is above chance"
    return [
        "each cell: value, AUC, its 95 % interval over groups, change from clean",
        f"clean AUC {clean.value:.3f}{between}; mean corruption drop {drop:.3f}{of}",
    ]


def _change(drop: float | None) -> str:
    return "" if drop is None else f"{0.0 - drop:+.3f}"
