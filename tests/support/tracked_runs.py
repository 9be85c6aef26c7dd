"""A finished run as ``dfbench run`` leaves it, with all that tracking sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.detector.network import build_detector
from dfbench.files import write_json
from dfbench.results.predictions import rewrite
from dfbench.results.result import MetricValue, RunResult, write_result
from dfbench.results.spec import DataSpec, ModelSpec, RunSpec, TrainSpec


def make_spec(**changes: Any) -> RunSpec:
    _, card = open_catalogue().detector("meso4")
    data = DataSpec(
        dataset="sample", fingerprint="f" * 64, videos=12, faces="given", faces_version="1"
    )
    train = TrainSpec(
        data=data,
        seed=3,
        epochs=2,
        batch_size=8,
        lr=1e-3,
        weight_decay=0.0,
        schedule="constant",
        clips_per_video=2,
        patience=5,
        balance=True,
        fine_tune="all",
        augment="study",
    )
    plugin, _ = open_catalogue().detector("meso4")
    model = ModelSpec(
        detector="meso4",
        plugin=plugin.distribution,
        plugin_version=plugin.version,
        options=card.options,
        weights=None,
        weights_sha256=None,
        clip=card.clip,
        reader="decord 0.6",
        precision="32-true",
        train=train,
    )
    return RunSpec(**{"model": model, "test": data, "seed": 3, **changes})


def make_run(out: Path, spec: RunSpec | None = None, **changes: Any) -> tuple[RunResult, Path]:
    """A finished run as ``dfbench run`` leaves it: 4 real videos, 4 of each method."""
    spec = spec or make_spec()
    folder = spec.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    model = spec.model_folder(out)
    options = {} if spec.model.made_elsewhere else spec.model.options
    detector = build_detector(open_catalogue().detector("meso4")[1], options, seed=3)
    (model / "model.safetensors").write_bytes(safetensors.torch.save(detector.state_dict()))
    write_json(model / "train.json", {"schema": 1, "best_epoch": 2})
    lines = [
        {"epoch": e, "seconds": e * 1.5, "train/loss": 1 / e, "lr": 1e-3, "val/video/auc": 0.8}
        for e in (1, 2)
    ]
    (model / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for file in (folder / "predictions.csv", model / "validation.csv"):
        rewrite(file, list(predictions()))
    metrics = (
        MetricValue(name="video/auc", value=0.9, low=0.8, high=0.95, n_real=4, n_fake=8),
        MetricValue(name="video/auc", subset="a&b (1)", value=0.7, low=0.6, high=0.8),
        MetricValue(name="video/f1", rule="val", threshold=0.4, value=0.75),
        MetricValue(name="frame/f1", rule="0.5", threshold=0.5, value=None, reason="one class"),
    )
    about: dict[str, Any] = {
        "status": "finished",
        "metrics": metrics,
        "counts": {"videos": 12, "no_face": 1},
        "coverage": 11 / 12,
        "chosen": {"thresholds": {"val": 0.4}},
        "notes": ("meso4 starts from random weights",),
        "cost": {"parameters": 27977, "seconds": {"train": 3.0}, "videos_per_second": 5.5},
        "environment": {"device": "cpu", "versions": {"torch": "2.15.0", "deepfake-bench": "0.1"}},
        "provenance": {
            "started": "2026-01-02T03:04:05+00:00",
            "ended": "2026-01-02T03:05:05+00:00",
            "git_commit": "abc123+",
            "command": ["dfbench", "run"],
        },
        **changes,
    }
    result = RunResult(spec=spec, **about)
    write_json(folder / "spec.json", spec.to_json())
    write_result(result, folder)
    return result, folder


def predictions() -> Iterator[Prediction]:
    rng = np.random.default_rng(0)
    for i, (label, method) in enumerate([(0, None)] * 4 + [(1, "warp")] * 4 + [(1, "a&b (1)")] * 4):
        for clip in range(2):
            score = float(rng.uniform(0.3 * label, 0.7 + 0.3 * label)) if i else None
            yield Prediction(
                "sample",
                f"v{i}",
                clip,
                clip,
                label,
                score,
                method,
                f"g{i % 4}",
                "ok" if i else "no_face",
            )
