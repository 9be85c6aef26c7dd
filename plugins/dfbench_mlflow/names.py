"""What a run is called in MLflow. The same names for every run, so that runs can be compared.

MLflow takes letters, digits, ``_``, ``-``, ``.``, space and ``/`` in a name everywhere, so a
metric's key becomes ``video/f1@val[warp]`` -> ``video/f1_at_val_on_warp``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from dfbench import RunResult
from dfbench.results import DataSpec, MetricValue, RunSpec, TrainSpec

PREFIX = "dfbench/"
LONGEST_VALUE = 500
"""Characters of a parameter; some servers take no more. The whole spec is an artifact."""
LONGEST_TAG = 5000
_LONGEST_NAME = 100


def experiment(spec: RunSpec) -> str:
    """``dfbench/<train> -> <test>``: one table of runs whose numbers may stand side by side."""
    variant = f"+{spec.variant}" if spec.variant else ""
    return cut(f"{PREFIX}{spec.model.trained_on} -> {spec.test.label}{variant}")


def experiment_tags(spec: RunSpec) -> dict[str, str]:
    """What MLflow's pages say above the table, and that it holds runs and no chats."""
    tested = f"{spec.test.label}, perturbed by {spec.variant}" if spec.variant else spec.test.label
    note = f"Detectors trained on {spec.model.trained_on} and tested on {tested}."
    return {
        "mlflow.note.content": cut(note, LONGEST_TAG),
        "mlflow.experimentKind": "custom_model_development",
    }


def run_name(spec: RunSpec) -> str:
    """Scores made elsewhere have no seed."""
    tested = f"{spec.test.label}+{spec.variant}" if spec.variant else spec.test.label
    seed = "" if spec.model.made_elsewhere else f", seed {spec.seed}"
    return cut(f"{spec.model.label} on {tested}{seed}")


def registered(spec: RunSpec) -> str:
    """Of the registered model that every training of a detector is a version of."""
    return f"dfbench-{clean(spec.model.detector)}"


def parameters(spec: RunSpec) -> dict[str, str]:
    """Flat, and the same names for every run: what a run has not reads ``none``."""
    model = spec.model
    train: dict[str, Any] = asdict(model.train) if model.train else {}
    values: dict[str, Any] = {
        "detector": model.detector,
        "detector/options": json.dumps(dict(model.options), sort_keys=True),
        "detector/plugin": model.plugin,
        "detector/plugin_version": model.plugin_version,
        "detector/weights": model.weights,
        "detector/weights_sha256": model.weights_sha256,
        **{f"clip/{name}": value for name, value in asdict(model.clip).items()},
        **{f"train/{f.name}": train.get(f.name) for f in fields(TrainSpec) if f.name != "data"},
        **_data("train", model.train.data if model.train else None),
        "train/dataset": model.trained_on,
        **_data("test", spec.test),
        "variant": spec.variant,
        "on_missing": spec.on_missing,
        "aggregate": spec.aggregate,
        "protocol": spec.protocol,
        "precision": model.precision,
        "reader": model.reader,
        "seed": spec.seed,
    }
    return {name: cut("none" if v in (None, "") else str(v)) for name, v in values.items()}


def _data(part: str, data: DataSpec | None) -> dict[str, Any]:
    about = {
        "dataset": data and data.label,
        "faces": data and f"{data.faces} {data.faces_version}",
        **{name: getattr(data, name, None) for name in ("fingerprint", "videos", "limit")},
    }
    return {f"{part}/{name}": value for name, value in about.items()}


def final_metrics(result: RunResult) -> dict[str, float]:
    """Every number of the result: metrics with ``_low`` and ``_high``, counts, cost."""
    found: dict[str, Any] = {}
    for value in result.metrics:
        name = metric(value)
        found |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
    found |= {f"test/{clean(name)}": number for name, number in result.counts.items()}
    found |= {
        "video/coverage": result.coverage,
        "threshold": result.threshold,
        "temperature": result.chosen.get("temperature"),
    }
    for name, value in result.cost.items():
        if isinstance(value, Mapping):  # seconds by stage
            found |= {f"cost/{clean(name)}_{clean(stage)}": v for stage, v in value.items()}
        else:
            found[f"cost/{clean(name)}"] = value
    return numbers(found)


def metric(value: MetricValue) -> str:
    at = f"_at_{clean(value.rule)}" if value.rule else ""
    on = "" if value.subset == "all" else f"_on_{clean(value.subset)}"
    return "/".join(clean(part) for part in value.name.split("/")) + at + on


def epochs(log: Path) -> Iterator[tuple[int, float, dict[str, float]]]:
    """Epoch from 1, seconds of training up to its end, and its numbers, from ``log.jsonl``."""
    if not log.is_file():
        return
    for line in log.read_text("utf-8").splitlines():
        values = json.loads(line)
        epoch, seconds = int(values.pop("epoch")), float(values.pop("seconds", 0))
        if "lr" in values:
            values["train/lr"] = values.pop("lr")
        named = {"/".join(map(clean, name.split("/"))): v for name, v in values.items()}
        yield epoch, seconds, numbers({**named, "train/seconds": seconds})


def tags(result: RunResult) -> dict[str, str]:
    """Who, with what, in which state; ``mlflow.*`` are those that MLflow's own pages show."""
    spec, made, machine = result.spec, result.provenance, result.environment
    commit = made.get("git_commit")
    values = {
        "dfbench.run_id": spec.run_id,
        "dfbench.model_id": spec.model.model_id,
        "dfbench.status": result.status,
        "dfbench.limited": str(spec.limited).lower(),
        "dfbench.error": result.error,
        "dfbench.git_commit": commit,
        "dfbench.command": " ".join(made.get("command", ())),
        **{f"dfbench.{key}": machine.get(key) for key in ("device", "gpu", "cpu", "python")},
        **{f"dfbench.version.{clean(k)}": v for k, v in machine.get("versions", {}).items()},
        "mlflow.note.content": _note(result),
        "mlflow.source.name": "dfbench",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit.rstrip("+") if commit else None,
    }
    return {name: cut(str(v), LONGEST_TAG) for name, v in values.items() if v not in (None, "")}


def _note(result: RunResult) -> str:
    spec = result.spec
    first = f"{spec.model.label}, trained on {spec.model.trained_on}, tested on {spec.test.label}."
    error = [f"Failed: {result.error}"] if result.error else []
    return "\n\n".join([first, *error, *result.notes])


def clean(name: str) -> str:
    """``name`` in MLflow's alphabet and of bounded length; two names never become one."""
    safe = re.sub(r"[^A-Za-z0-9_.\- ]", "-", name)[:_LONGEST_NAME].strip(" .") or "unnamed"
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def cut(text: str, longest: int = LONGEST_VALUE) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those that are finite numbers: a metric that does not exist is left out, not made 0."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
