"""The model that a run tests: weights as they are, one trained before, or one trained now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import FAKE, REAL, Prediction
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector, build_detector, count_parameters
from dfbench.detector.tensors import read_tensors
from dfbench.errors import SplitError
from dfbench.evaluate.scores import video_scores
from dfbench.faces.prepare import Prepared
from dfbench.files import write_json
from dfbench.results.predictions import rewrite
from dfbench.results.provenance import environment
from dfbench.results.result import training_facts
from dfbench.results.spec import SCHEMA, TrainSpec
from dfbench.running.plan import Plan
from dfbench.running.stages import Stages
from dfbench.running.videos import Data
from dfbench.training.checkpoint import Progress
from dfbench.training.loop import Report, Validate, fit
from dfbench.training.predict import predict

LEFT_BY_TRAINING = (
    "train.json",
    "checkpoint.pt",
    "model.safetensors",
    "validation.csv",
    "log.jsonl",
)


def get_model(stages: Stages, folder: Path, catalogue: Catalogue, report: Report) -> Detector:
    """The plan's detector, ready to score. Trains it when ``folder`` holds no finished training,
    going on from a checkpoint where there is one. Raises what ``training.loop.fit`` raises."""
    plan = stages.plan
    detector = build_detector(plan.card, plan.options, plan.request.seed)
    if plan.weights is not None:
        detector.load(read_tensors(plan.weights.path), str(plan.weights.path))
    if plan.train is not None and plan.model.train is not None:
        if training_facts(folder) is None:
            _train(detector, stages, plan.train, plan.model.train, folder, catalogue, report)
        _load_best(detector, folder)
    return detector


def _train(
    detector: Detector,
    stages: Stages,
    data: Data,
    settings: TrainSpec,
    folder: Path,
    catalogue: Catalogue,
    report: Report,
) -> None:
    prepared = stages.prepare(data)
    train, val = (
        _usable(detector, stages, [p for p in prepared if p.record.split == split], split, data)
        for split in ("train", "val")
    )
    with stages.stage("train", "train", settings.epochs * 1000) as advance:
        shown = 0

        def step(done: int, total: int) -> None:
            nonlocal shown
            position = done * settings.epochs * 1000 // total
            advance(position - shown)
            shown = position

        progress = fit(
            detector,
            train,
            val,
            settings,
            folder,
            stages.fabric(),
            stages.plan.workers,
            validation(catalogue),
            report,
            step,
        )
        _score_validation(detector, stages, val, folder)
    write_json(folder / "train.json", _facts(stages.plan, detector, progress))
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def validation(catalogue: Catalogue) -> Validate:
    """What an epoch is chosen by, at video level: a video without a score counts as 0.5 there."""
    auc, log_loss = (
        catalogue.find("metrics", f"metrics/{name}")[1].resolve() for name in ("auc", "log_loss")
    )

    def judge(detector: Detector, rows: list[Prediction]) -> dict[str, float]:
        videos = video_scores(rows, detector.aggregate, "chance")
        return {
            "val/video/auc": float(auc(videos.labels, videos.scores)),
            "val/video/log_loss": float(log_loss(videos.labels, videos.scores)),
        }

    return judge


def _usable(
    detector: Detector, stages: Stages, videos: list[Prepared], split: str, data: Data
) -> ClipReader:
    """Reader of a split. Raises SplitError when a class has no video that could be used."""
    reader = stages.reader(videos, detector)
    needed = {REAL} if reader.makes_fakes else {REAL, FAKE}
    labels = {video.record.label for video in videos if any(video.usable)}
    if not needed <= labels:
        reasons = sorted({str(video.status) for video in videos if not any(video.usable)})
        raise SplitError(
            f"the {split} split of {data.spec.dataset} has no usable "
            f"{'fake' if REAL in labels else 'real'} video ({', '.join(reasons)}): look at the "
            "data, or choose another --faces"
        )
    return reader.with_made() if split == "val" and reader.makes_fakes else reader


def _score_validation(detector: Detector, stages: Stages, val: ClipReader, folder: Path) -> None:
    """The best epoch scored once more on all of validation, as test videos will be: on the scores
    kept in ``validation.csv`` thresholds and calibration are chosen."""
    _load_best(detector, folder)
    assert stages.plan.train is not None
    chunks = predict(
        detector,
        val,
        stages.plan.train.spec.dataset,
        stages.batch_size,
        stages.plan.workers,
        stages.fabric(),
    )
    rows = [row for chunk in chunks for row in chunk]
    rewrite(folder / "validation.csv", rows)


def _load_best(detector: Detector, folder: Path) -> None:
    path = folder / "model.safetensors"
    detector.load(read_tensors(path), str(path))


def _facts(plan: Plan, detector: Detector, progress: Progress) -> Mapping[str, Any]:
    return {
        "schema": SCHEMA,
        "model_id": plan.model.model_id,
        **asdict(plan.model),
        "best_epoch": progress.best_epoch,
        "epochs_done": progress.epoch,
        "seconds": progress.seconds,
        "parameters": count_parameters(detector),
        "trainable": count_parameters(detector, trainable=True),
        "environment": environment(),
    }


def forget(folder: Path) -> None:
    """Remove what training left, for ``--again``; and first all that was scored with that model,
    since the next one need not be the same."""
    for name in ("result.json", "predictions.csv", "confidence.csv", ".confidence-*.csv"):
        for file in folder.glob(f"*/*/{name}"):
            file.unlink()
    for file in (*(folder / name for name in LEFT_BY_TRAINING), *folder.glob(".*.tmp")):
        file.unlink(missing_ok=True)
