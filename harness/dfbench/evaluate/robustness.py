"""How a detector's AUC falls as the test videos get worse: per perturbation, and in the mean.

A perturbed test is a run like any other, told apart by its spec's ``variant``; everything here is
computed from the results of such runs, so it can be computed again from their folders.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dfbench.clips.perturb import Perturbation, perturbation
from dfbench.errors import ResultError
from dfbench.evaluate.scores import CHANCE
from dfbench.files import safe_name
from dfbench.results.result import MetricValue, RunResult

ALL = "all"
AUC = "video/auc"
CLEAN = "clean"
MEAN = "mean"
COLUMNS = (
    "perturbation", "unit", "value", "severity", "subset", "n_real", "n_fake", "auc", "low", "high",
    "drop", "relative_drop", "run_id",
)  # fmt: skip


@dataclass(frozen=True)
class Tested:
    """A test under one perturbation."""

    by: Perturbation
    result: RunResult


@dataclass(frozen=True)
class Robustness:
    """One model on one test set: as it is, and perturbed, mild to severe, by the perturbation's
    name. AUCs are video AUCs, of all fakes or of one method's (``subset``)."""

    clean: RunResult
    perturbed: Mapping[str, tuple[Tested, ...]]

    @property
    def name(self) -> str:
        """What its files are called, without ending."""
        return f"robustness-{safe_name(self.clean.spec.test.label)}"

    @property
    def subsets(self) -> list[str]:
        """``all``, and the methods where there are several."""
        found = [m.subset for m in self.clean.metrics if m.name == AUC]
        return found if len(found) > 2 else [ALL]

    def drop(self, result: RunResult, subset: str = ALL) -> float | None:
        """Clean AUC - AUC of ``result``; None where an AUC does not exist."""
        clean, here = auc(self.clean, subset).value, auc(result, subset).value
        return None if clean is None or here is None else clean - here

    def mean_drop(self, name: str | None = None, subset: str = ALL) -> float | None:
        """Mean over the values of the perturbation ``name``. Without a name the *mean corruption
        drop*: the mean of that over all perturbations, each counting the same."""
        if name is None:
            return _mean([self.mean_drop(each, subset) for each in self.perturbed])
        return _mean([self.drop(tested.result, subset) for tested in self.perturbed[name]])

    def relative(self, drop: float | None, subset: str = ALL) -> float | None:
        """A drop as a share of what the clean AUC is above chance; None where it is not."""
        clean = auc(self.clean, subset).value
        if drop is None or clean is None or clean <= CHANCE:
            return None
        return drop / (clean - CHANCE)


def robustness_of(results: Sequence[RunResult]) -> list[Robustness]:
    """What the results of finished runs say, per model and test set that was perturbed at all.

    Raises ResultError for a perturbed test whose clean one is not among the results.
    """
    together: dict[str, list[RunResult]] = {}
    for result in results:
        together.setdefault(replace(result.spec, variant="").run_id, []).append(result)
    return [
        _one(run_id, group)
        for run_id, group in together.items()
        if any(result.spec.variant for result in group)
    ]


def auc(result: RunResult, subset: str = ALL) -> MetricValue:
    """The result's video AUC, with its interval; without a value when there is none."""
    found = (m for m in result.metrics if m.name == AUC and m.subset == subset)
    return next(found, MetricValue(name=AUC, subset=subset, reason="none"))


def csv_of(found: Robustness) -> str:
    """The table, ``COLUMNS``: a row a perturbation, value and subset, the clean test first
    (severity 0). Rows of value ``mean`` hold the mean drop of a perturbation, and of all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for subset in found.subsets:
        for row in _rows(found, subset):
            writer.writerow("" if cell is None else cell for cell in row)
    return text.getvalue()


def _rows(found: Robustness, subset: str) -> Iterator[tuple[object, ...]]:
    yield _row(found, found.clean, subset, CLEAN, "", None, 0)
    for name, tests in found.perturbed.items():
        for severity, tested in enumerate(tests, start=1):
            by = tested.by
            yield _row(found, tested.result, subset, name, by.kind.unit, by.value, severity)
        yield _mean_row(found, subset, name)
    yield _mean_row(found, subset, None)


def _row(
    found: Robustness,
    result: RunResult,
    subset: str,
    name: str,
    unit: str,
    value: float | None,
    severity: int,
) -> tuple[object, ...]:
    here, drop = auc(result, subset), found.drop(result, subset)
    shown = None if value is None else f"{value:g}"
    return (
        name,
        unit,
        shown,
        severity,
        subset,
        here.n_real,
        here.n_fake,
        here.value,
        here.low,
        here.high,
        drop,
        found.relative(drop, subset),
        result.spec.run_id,
    )


def _mean_row(found: Robustness, subset: str, name: str | None) -> tuple[object, ...]:
    drop = found.mean_drop(name, subset)
    unit = found.perturbed[name][0].by.kind.unit if name else ""
    return (
        name or MEAN,
        unit,
        MEAN,
        None,
        subset,
        *[None] * 5,
        drop,
        found.relative(drop, subset),
        None,
    )


def _one(run_id: str, group: Sequence[RunResult]) -> Robustness:
    clean = [result for result in group if not result.spec.variant]
    if not clean:
        spec = group[0].spec
        raise ResultError(
            f"{spec.test.label}+{spec.variant}: the run on the clean videos ({run_id}) is missing, "
            "so no drop can be told"
        )
    tests: dict[str, dict[float, Tested]] = {}
    for result in group:
        by = perturbation(result.spec.variant)
        if by is not None:
            tests.setdefault(by.name, {})[by.value] = Tested(by, result)
    return Robustness(clean[0], {name: _ordered(found) for name, found in tests.items()})


def _ordered(tests: Mapping[float, Tested]) -> tuple[Tested, ...]:
    return tuple(sorted(tests.values(), key=lambda test: test.by.kind.severity(test.by.value)))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
