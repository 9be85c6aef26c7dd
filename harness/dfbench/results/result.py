"""What a run found: ``result.json`` and ``predictions.csv``, written and read.

``result.json`` is written last and atomically, so where it exists the run has ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from dfbench.errors import ResultError
from dfbench.files import write_json
from dfbench.results.spec import RunSpec
from dfbench.results.typed import check_types

SCHEMA = 3
"""Of ``result.json``. 1 had one threshold and no breakdowns, 2 no ``truth``; both are read."""
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""A surrogate: half of a character, which is text in JSON and nowhere else."""


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """One number with its interval.

    name: level and metric, ``video/auc``; ``frame/…`` and ``clip/…`` are scores of single clips.
    subset: ``all``, or a method: then all real videos against the fakes made that way; in a
        breakdown ``attribute=value``.
    rule: for decisions, how the threshold was chosen (``0.5``, or on validation, see
        ``evaluate.decide.RULES``), and ``threshold`` where it lies. For probabilities how they were
        calibrated on validation: None = not at all, ``temperature`` or ``isotonic``.
    value: None where the metric does not exist; ``reason`` then says why.
    low, high: 95 % interval from a bootstrap over groups; None where it does not exist.
    n_real, n_fake: how many scores went in.
    """

    name: str
    subset: str = "all"
    rule: str | None = None
    threshold: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    n_real: int = 0
    n_fake: int = 0

    @property
    def key(self) -> str:
        """``video/auc``, ``video/f1@0.5``, ``video/auc[warp]``."""
        at = f"@{self.rule}" if self.rule else ""
        of = "" if self.subset == "all" else f"[{self.subset}]"
        return f"{self.name}{at}{of}"


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """The videos with one ``value`` of an attribute, ``by``.

    videos: how many; coverage: the share of them with a score, 0..1. metrics: of these videos; for
    an attribute that only fakes have, of these fakes against all real videos (``reals`` = all).
    """

    by: str
    value: str
    videos: int
    coverage: float
    reals: Literal["same", "all"] = "same"
    metrics: tuple[MetricValue, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A video decided wrongly, and how surely: 0 = at the threshold, 1 = as far as can be."""

    video: str
    label: int
    method: str | None
    score: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """All of ``result.json``.

    chosen: what validation gave: ``thresholds`` by rule, ``temperature``, ``isotonic``.
    mistakes: the ten most confident ones at the threshold of rule ``val``, else 0.5.
    counts: videos of the test split: ``videos``, ``real``, ``fake``, and one entry a status.
    coverage: share of test videos with at least one score, 0..1.
    truth: what the dataset itself says of the test videos, as a digest, see ``results.truth``.
    cost: ``parameters``, ``trainable``, ``seconds`` by stage, ``videos_per_second``,
        ``peak_memory_mb``, ``peak_gpu_memory_mb``.
    notes: what a reader must know: official overlap, random initial weights, a quick look.
    """

    spec: RunSpec
    status: Literal["finished", "failed"]
    error: str | None = None
    metrics: tuple[MetricValue, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    coverage: float | None = None
    truth: str | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    breakdowns: tuple[Breakdown, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    cost: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    @property
    def threshold(self) -> float | None:
        """The threshold with the best J on validation, or None without one."""
        at: float | None = self.chosen.get("thresholds", {}).get("val")
        return at

    def metric(self, key: str) -> MetricValue:
        """The metric of that key, e.g. ``video/auc[warp]``. Raises KeyError with what there is."""
        for value in self.metrics:
            if value.key == key:
                return value
        raise KeyError(f"no metric {key!r}; there are {', '.join(m.key for m in self.metrics)}")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "spec": self.spec.to_json()}


def write_result(result: RunResult, folder: Path) -> None:
    """Write ``result.json`` into the run's folder, atomically: it says that the run has ended.
    Raises OSError."""
    write_json(folder / "result.json", result.to_json())


def load_result(path: Path | str) -> RunResult:
    """Read a run folder, or its ``result.json``. Raises ResultError saying what is wrong."""
    path = Path(path)
    file = path / "result.json" if path.is_dir() else path
    try:
        data = _parsed(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ResultError(
            f"{file} does not exist: the run has not ended, or it is no run"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{file} cannot be read: {error}") from error
    if not isinstance(data, dict) or type(data.get("schema")) is not int or data["schema"] < 1:
        raise ResultError(f"{file} is not a result of dfbench")
    if data["schema"] > SCHEMA:
        raise ResultError(
            f"{file} has schema {data['schema']}, this dfbench reads up to {SCHEMA}: update dfbench"
        )
    try:
        check_types(RunResult, data)
        known = {f.name: data[f.name] for f in fields(RunResult) if f.name in data}
        known["spec"] = _spec(data["spec"], file)
        known["metrics"] = _metrics(data)
        known["breakdowns"] = tuple(
            Breakdown(**{**part, "metrics": _metrics(part)}) for part in data.get("breakdowns", ())
        )
        known["mistakes"] = tuple(Mistake(**one) for one in data.get("mistakes", ()))
        if data["schema"] == 1 and data.get("threshold") is not None:
            known["chosen"] = {"thresholds": {"val": data["threshold"]}}
        known["notes"] = tuple(data.get("notes", ()))
        return RunResult(**known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultError(f"{file} lacks a part of a result: {error}") from error


def _parsed(text: str) -> Any:
    """JSON whose numbers are numbers and whose text is text. Raises ValueError, RecursionError."""
    data = json.loads(text, parse_constant=_refused)
    if _HALF.search(text):
        json.dumps(data, ensure_ascii=False).encode()
    return data


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _spec(data: Mapping[str, Any], file: Path) -> RunSpec:
    """Raises ResultError for a spec that was changed after its run: its id would be another."""
    spec = RunSpec.from_json(data)
    if data["run_id"] != spec.run_id:
        raise ResultError(
            f"{file} was changed by hand: its spec is that of run {spec.run_id}, and it calls "
            f"itself {data['run_id']}"
        )
    return spec


def _metrics(data: Mapping[str, Any]) -> tuple[MetricValue, ...]:
    return tuple(MetricValue(**metric) for metric in data.get("metrics", ()))


def training_facts(folder: Path) -> dict[str, Any] | None:
    """``train.json`` of a model whose training has ended, or None. Raises ResultError."""
    file = folder / "train.json"
    try:
        facts: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ResultError(f"{file} is damaged ({error}): run with --again") from error
    return facts
