"""Finished runs made in a moment: scores of chosen quality, judged as a run's are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.detector.aggregate import aggregate_called
from dfbench.evaluate.breakdown import write_about
from dfbench.evaluate.judgement import judge
from dfbench.files import write_json
from dfbench.results.predictions import rewrite
from dfbench.results.result import RunResult, write_result
from dfbench.results.spec import DataSpec, ModelSpec, OnMissing, RunSpec, TrainSpec
from dfbench.results.truth import truth_of_rows

METRICS = ("accuracy", "auc", "eer", "f1", "log_loss")
PEOPLE = 20
SAMPLE = DataSpec(
    dataset="sample", fingerprint="a" * 64, videos=40, faces="given", faces_version="1"
)
TRAIN = TrainSpec(
    data=SAMPLE,
    seed=0,
    epochs=1,
    batch_size=8,
    lr=1e-3,
    weight_decay=0.0,
    schedule="constant",
    clips_per_video=0,
    patience=1,
    balance=True,
    fine_tune="all",
    augment="study",
)


def make_spec(
    detector: str, seed: int = 0, train: TrainSpec | None = TRAIN, **changes: Any
) -> RunSpec:
    train = train and replace(train, seed=seed)
    model = ModelSpec(
        detector=detector,
        plugin="deepfake-bench",
        plugin_version="0.1.0",
        weights=None,
        weights_sha256=None,
        clip=ClipSpec(),
        reader="decord 0.6",
        precision="32-true",
        train=train,
    )
    return RunSpec(**{"model": model, "test": SAMPLE, "seed": seed, **changes})


def scores_of(auc: float, dataset: str = "sample") -> list[Prediction]:
    """A real and a fake video of each of 20 people, one frame a video: of the 400 pairs of a real
    and a fake one the share ``auc`` is in the right order."""
    right, more = divmod(round(auc * PEOPLE**2), PEOPLE)
    wins = [right + (i < more) for i in range(PEOPLE)]
    reals = [(f"real/{i}", 0, None, (i + 1) / (PEOPLE + 1)) for i in range(PEOPLE)]
    fakes = [
        (f"fake/{i}", 1, ("warp", "swap")[i % 2], (n + 0.5) / (PEOPLE + 1))
        for i, n in enumerate(wins)
    ]
    return [
        Prediction(dataset, video, 0, 0, label, score, method, f"p{video[5:]}", "ok")
        for video, label, method, score in (*reals, *fakes)
    ]


def add(out: Path, spec: RunSpec, auc: float | None = 0.8, **changes: Any) -> Path:
    """A run on disk with that video AUC; None: its result holds no metrics at all."""
    if auc is None:
        changes["metrics"] = ()
    rows = scores_of(0.5 if auc is None else auc, spec.test.dataset)
    return put(out, spec, rows, **changes)


def about_of(rows: Iterable[Prediction]) -> dict[str, dict[str, str]]:
    return {row.video: {"width": "640", "height": "480", "face": "90"} for row in rows}


@cache
def judged_once(
    rows: tuple[Prediction, ...],
    validation: tuple[Prediction, ...] | None,
    seed: int,
    on_missing: OnMissing,
    level: str,
) -> dict[str, Any]:
    """What scores come to; most runs of a test have the same."""
    cards = {name: card for name, card in open_catalogue().metrics().items() if name in METRICS}
    clip = ClipSpec(frames=1 if level == "frame" else 2)
    spec = make_spec("any", seed, on_missing=on_missing)
    spec = replace(spec, model=replace(spec.model, clip=clip))
    return judge(spec, rows, validation, aggregate_called("mean"), cards, about_of(rows))


def put(
    out: Path,
    spec: RunSpec,
    rows: list[Prediction],
    validation: list[Prediction] | None = None,
    **changes: Any,
) -> Path:
    """A run on disk with these scores. changes: fields of its result that are something else."""
    about = about_of(rows)
    judged = judged_once(
        tuple(rows),
        None if validation is None else tuple(validation),
        spec.seed,
        spec.on_missing,
        spec.model.clip.level,
    )
    fields: dict[str, Any] = {
        "status": "finished",
        **judged,
        "truth": truth_of_rows(rows),
        "counts": {
            "videos": len(rows),
            "real": sum(not row.label for row in rows),
            "fake": sum(row.label for row in rows),
        },
        "cost": {"parameters": 27977, "videos_per_second": 12.5, "seconds": {"train": 90.0}},
        "provenance": {"ended": "2026-01-01T00:00:00+00:00"},
        **changes,
    }
    folder = spec.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "spec.json", spec.to_json())
    rewrite(folder / "predictions.csv", rows)
    if validation is not None:
        rewrite(folder / "validation.csv", validation)
    write_about(about, folder / "videos.csv")
    write_result(RunResult(spec=spec, **fields), folder)
    return folder
