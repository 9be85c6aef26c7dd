"""How long a leaderboard of many runs takes, and how much memory.

    python bench/leaderboard.py --runs 10000 --videos 60

Makes run folders with drawn scores (their metrics are computed as a run's are), then builds the
site from them in a process of its own and prints its time and peak memory, workers included.
``--keep`` leaves folders and site behind.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.detector.aggregate import aggregate_called
from dfbench.evaluate.breakdown import write_about
from dfbench.evaluate.judgement import judge
from dfbench.fanout import default_workers, fan_out
from dfbench.files import write_json
from dfbench.results.predictions import rewrite
from dfbench.results.result import RunResult, write_result
from dfbench.results.spec import DataSpec, ModelSpec, RunSpec, TrainSpec
from dfbench.results.truth import truth_of_rows

METRICS = (
    "auc",
    "average_precision",
    "eer",
    "log_loss",
    "ece",
    "accuracy",
    "precision",
    "recall",
    "f1",
)
DETECTORS = ("meso4", "mesoinception4", "resnet50", "xception", "fwa", "r3d18", "r3d101")
DRAWN = 40
DATASETS = ("sample", "sample-control", "celebdf", "dfdc", "uadfv")


def make_runs(out: Path, first: int, number: int, videos: int) -> None:
    draw = cache(drawn)
    for i in range(first, first + number):
        spec = make_spec(i, videos)
        rows, judged = draw(i % DRAWN, spec.test.dataset, videos)
        counts = {"videos": videos, "real": videos // 2, "fake": videos - videos // 2}
        folder = spec.folder(out)
        folder.mkdir(parents=True)
        write_json(folder / "spec.json", spec.to_json())
        rewrite(folder / "predictions.csv", rows)
        write_about({row.video: {"face": "120"} for row in rows}, folder / "videos.csv")
        write_result(
            RunResult(
                spec=spec,
                status="finished",
                counts=counts,
                truth=truth_of_rows(rows),
                **judged,
                cost={
                    "parameters": 10_000 * (1 + i % 4000),
                    "videos_per_second": 3.0 + i % 50,
                    "seconds": {"train": 60.0 + i},
                },
                provenance={"ended": "2026-01-01T00:00:00+00:00"},
            ),
            folder,
        )


def drawn(i: int, dataset: str, videos: int) -> tuple[list[Prediction], dict[str, Any]]:
    """Scores and what they come to. Runs share a few hundred sets of them: judging takes longer
    than all else."""
    cards = {name: card for name, card in open_catalogue().metrics().items() if name in METRICS}
    spec = replace(make_spec(i, videos), test=replace(make_spec(i, videos).test, dataset=dataset))
    rows = make_rows(i, spec, videos)
    return rows, judge(spec, rows, None, aggregate_called("mean"), cards, {})


def make_spec(i: int, videos: int) -> RunSpec:
    """Seeds of two belong together."""
    entry, seed = divmod(i, 2)
    train, test = DATASETS[entry % 5], DATASETS[entry // 5 % 5]
    data = DataSpec(
        dataset=train, fingerprint="a" * 16, videos=500, faces="yunet", faces_version="2"
    )
    recipe = TrainSpec(
        data=data,
        seed=seed,
        epochs=10 + entry // 175,
        batch_size=16,
        lr=1e-3,
        weight_decay=0.0,
        schedule="constant",
        clips_per_video=0,
        patience=3,
        balance=True,
        fine_tune="all",
        augment="study",
    )
    model = ModelSpec(
        detector=DETECTORS[entry // 25 % 7],
        plugin="deepfake-bench",
        plugin_version="0.4.0",
        weights=None,
        weights_sha256=None,
        clip=ClipSpec(),
        reader="pyav 18",
        precision="32-true",
        train=recipe,
    )
    return RunSpec(model=model, test=replace(data, dataset=test, videos=videos), seed=seed)


def make_rows(i: int, spec: RunSpec, videos: int) -> list[Prediction]:
    rng = np.random.default_rng(i)
    labels = (np.arange(videos) >= videos // 2).astype(int)
    scores = 1 / (1 + np.exp(-rng.normal(labels * (i % 7) / 2, 1)))
    return [
        Prediction(
            spec.test.dataset,
            f"v{n:04}",
            0,
            0,
            int(label),
            float(score),
            ("swap", "reenact")[n % 2] if label else None,
            f"p{n % (videos // 3)}",
            "ok",
        )
        for n, (label, score) in enumerate(zip(labels, scores, strict=True))
    ]


def portion(asked: tuple[Path, int, int, int]) -> None:
    make_runs(*asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--videos", type=int, default=60, help="of each test, one score each")
    parser.add_argument("--keep", type=Path, help="folder for runs/ and site/ that is kept")
    asked = parser.parse_args()
    folder = asked.keep or Path(tempfile.mkdtemp())
    runs, site = folder / "runs", folder / "site"
    if not runs.is_dir():
        each = -(-asked.runs // default_workers())
        tasks = [
            (runs, i, min(each, asked.runs - i), asked.videos) for i in range(0, asked.runs, each)
        ]
        list(fan_out(portion, tasks, default_workers()))
    shutil.rmtree(site, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "dfbench",
        "leaderboard",
        "build",
        "--runs",
        str(runs),
        "--out",
        str(site),
    ]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) / 1e6
    print(
        f"{asked.runs} runs: {took:.1f} s, {1000 * took / asked.runs:.1f} ms each, largest "
        f"process {peak:.0f} MB, site {size:.1f} MB"
    )
    if asked.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
