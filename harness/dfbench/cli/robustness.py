"""The table of what perturbations cost, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfbench.evaluate.robustness import Robustness, Tested, auc, robustness_of
from dfbench.results.result import RunResult


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
        for line in _notes(found):
            console.print(Text(line, style="dim"))


def robustness_table(found: Robustness) -> Table:
    """A row a perturbation, its values from left to right as they grow severe."""
    table = Table("severity", box=SIMPLE, show_lines=True, pad_edge=False, collapse_padding=True)
    most = max(len(tests) for tests in found.perturbed.values())
    for number in range(1, most + 1):
        table.add_column("1 (mildest)" if number == 1 < most else str(number), no_wrap=True)
    for name, tests in found.perturbed.items():
        first = f"{name}\n{tests[0].by.kind.unit}\n\nmean {_change(found.mean_drop(name))}"
        table.add_row(Text(first), *(Text(_cell(found, tested)) for tested in tests))
    return table


def _cell(found: Robustness, tested: Tested) -> str:
    here = auc(tested.result)
    value = here.reason or "none" if here.value is None else f"{here.value:.3f}"
    between = "" if here.low is None else f"{here.low:.3f}-{here.high:.3f}"
    return f"{tested.by.value:g}\n{value}\n{between}\n{_change(found.drop(tested.result))}"


def _notes(found: Robustness) -> list[str]:
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
