"""How long a matrix will take, by what the same detectors took before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dfbench.errors import ResultError
from dfbench.results.result import RunResult, load_result, training_facts
from dfbench.results.spec import RunSpec


@dataclass(frozen=True)
class Rates:
    """Seconds a video and epoch of training, and seconds a test video; None where unknown."""

    train: float | None
    test: float | None


def past_rates(out: Path, device: str) -> dict[str, Rates]:
    """Median rates of the finished runs below ``out`` on such a device, by detector (its label)."""
    results = [r for r in _finished(out) if r.environment.get("device") == device]
    train: dict[str, list[float]] = {}
    test: dict[str, list[float]] = {}
    for result in results:
        name = result.spec.model.label
        if result.cost.get("videos_per_second"):
            test.setdefault(name, []).append(1 / result.cost["videos_per_second"])
    for result in {r.spec.model.model_id: r for r in results}.values():
        if (rate := _training(result.spec, out)) is not None:
            train.setdefault(result.spec.model.label, []).append(rate)
    return {
        name: Rates(_median(train.get(name, [])), _median(test.get(name, [])))
        for name in {*train, *test}
    }


def training_seconds(spec: RunSpec, rates: Rates | None) -> float | None:
    """At most, since training may stop early; 0 for weights as they are, None where unknown."""
    settings = spec.model.train
    if settings is None:
        return 0.0
    if rates is None or rates.train is None:
        return None
    return rates.train * settings.data.videos * settings.epochs


def testing_seconds(spec: RunSpec, rates: Rates | None) -> float | None:
    """Scoring alone: faces that have not been found yet come on top."""
    return None if rates is None or rates.test is None else rates.test * spec.test.videos


def _finished(out: Path) -> Iterator[RunResult]:
    for file in sorted(out.glob("*/*/*/*/*/result.json")):
        try:
            result = load_result(file)
        except ResultError:  # `dfbench list runs` tells of it
            continue
        if result.status == "finished":
            yield result


def _training(spec: RunSpec, out: Path) -> float | None:
    facts = training_facts(spec.model_folder(out)) or {}
    settings = spec.model.train
    if settings is None or not facts.get("epochs_done"):
        return None
    return float(facts["seconds"]) / (int(facts["epochs_done"]) * settings.data.videos)


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
