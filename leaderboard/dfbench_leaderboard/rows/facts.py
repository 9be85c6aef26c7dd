"""How a run came about: pairs of a name and a text, which is empty where nothing is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dfbench import ClipSpec
from dfbench.evaluate import StoredRun
from dfbench.results import DataSpec, RunSpec

Facts = Iterator[tuple[str, str]]


def spec_facts(spec: RunSpec) -> Facts:
    """The spec, in words, in the order of what happened."""
    model, train = spec.model, spec.model.train
    yield "detector", model.label
    yield "plugin", " ".join(filter(None, (model.plugin, model.plugin_version)))
    yield "options", ", ".join(f"{name}={value}" for name, value in sorted(model.options.items()))
    yield "starts from", model.weights or ("unknown" if model.made_elsewhere else "random weights")
    yield "sha256 of those weights", model.weights_sha256 or ""
    if not model.made_elsewhere:
        yield "clip", _clip(model.clip)
    if train:
        yield "trained on", _data(train.data)
        settings = {k: v for k, v in vars(train).items() if k not in ("data", "seed")}
        yield "training", ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())
    yield "tested on", _data(spec.test)
    yield "perturbed by", spec.variant
    yield "score of a video", f"{spec.aggregate} over its clips"
    missing = {"chance": "counts as 0.5", "exclude": "is left out"}
    yield "a video without a score", missing[spec.on_missing]
    yield "seed", str(spec.seed)
    yield "protocol", spec.protocol
    yield "read by", ", ".join(filter(None, (model.reader, model.precision)))


def _clip(clip: ClipSpec) -> str:
    apart = f", {clip.stride} apart" if clip.frames > 1 else ""
    crop = f"crop {clip.margin:g} x the face, {clip.align}"
    return f"{clip.length}{apart}, {clip.windows} a video, {clip.size} px, {crop}"


def _data(data: DataSpec) -> str:
    faces = f", faces by {data.faces} {data.faces_version}" if data.faces else ""
    few = f", at most {data.limit} a split" if data.limit is not None else ""
    return f"{data.label}: {data.videos} videos{few}{faces}, fingerprint {data.fingerprint}"


def origin_facts(run: StoredRun) -> Facts:
    """Where and with what it was made, and what its scores are known by."""
    result = run.result
    machine, made, cost = result.environment, result.provenance, result.cost
    yield "run", result.spec.run_id
    yield "model", result.spec.model.model_id
    yield "ended", str(made.get("ended", ""))
    yield "commit", str(made.get("git_commit") or "")
    yield "device", str(machine.get("gpu") or machine.get("device") or "")
    yield "processor", " x ".join(str(machine[k]) for k in ("cores", "cpu") if machine.get(k))
    yield "system", str(machine.get("platform") or "")
    versions = dict(machine.get("versions") or {})
    yield "versions", ", ".join(f"{name} {number}" for name, number in versions.items())
    seconds = dict(cost.get("seconds") or {})
    yield "seconds", ", ".join(f"{name} {value:.4g}" for name, value in seconds.items())
    memory = {"memory": "peak_memory_mb", "GPU memory": "peak_gpu_memory_mb"}
    yield "peak", ", ".join(f"{k} {cost[v]:,.0f} MB" for k, v in memory.items() if cost.get(v))
    yield "sha256 of predictions.csv", _sha256(run.folder / "predictions.csv")
    yield "what the dataset says of its videos", result.truth or ""
    yield "leaks", "; ".join(map(str, made.get("leak_check") or ()))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
