"""Runs of chosen labels and scores, judged and on disk."""

import numpy as np

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.evaluate.judgement import judge
from dfbench.evaluate.stored import open_run
from dfbench.results.result import RunResult
from dfbench.results.spec import DataSpec, ModelSpec, RunSpec, TrainSpec
from dfbench.running.foreign.importing import write_run

CARDS = open_catalogue().metrics()


CLIP = ClipSpec(frames=2)


def a_spec(detector="a", seed=0, trained=True, **changes):
    data = DataSpec(dataset="d", fingerprint="f", videos=60, faces="given", faces_version="1")
    train = TrainSpec(
        data=data,
        seed=seed,
        epochs=1,
        batch_size=1,
        lr=1.0,
        weight_decay=0.0,
        schedule="constant",
        clips_per_video=0,
        patience=1,
        balance=True,
        fine_tune="all",
        augment="none",
    )
    model = ModelSpec(
        detector=detector,
        plugin="p",
        plugin_version="1",
        weights=None,
        weights_sha256=None,
        clip=CLIP,
        reader="r",
        precision="32-true",
        train=train if trained else None,
    )
    return RunSpec(model=model, test=data, seed=seed, **changes)


def rows(labels, scores, groups=None, prefix="v"):
    groups = range(len(labels)) if groups is None else groups
    return [
        Prediction("d", f"{prefix}{i}", 0, 0, int(y), float(s), "m" if y else None, f"g{g}", "ok")
        for i, (y, s, g) in enumerate(zip(labels, scores, groups, strict=True))
    ]


def a_run(folder, spec, predictions, validation=None):
    """A run's folder as ``dfbench run`` leaves it."""
    judged = judge(spec, predictions, validation, np.mean, {"auc": CARDS["auc"]}, {}, draws=200)
    result = RunResult(spec=spec, status="finished", **judged)
    place = spec.folder(folder)
    write_run(result, place, predictions, validation, {})
    return open_run(str(place), folder)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))
