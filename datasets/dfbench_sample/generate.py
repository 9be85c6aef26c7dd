"""Makes the files of ``sample``: a pool of processes, one real video with its fakes at a time.

A file appears under its name when it is complete, and the manifest last of all, so a run that was
killed goes on where it stopped, and of two at once the second waits and finds the work done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from filelock import FileLock
from joblib import Parallel, cpu_count, delayed

from dfbench import Reporter, ResourceError
from dfbench_sample import DEFAULT_QP
from dfbench_sample.drawing.people import PEOPLE, stream
from dfbench_sample.encode import sensor, write_video
from dfbench_sample.plan import Video, plan
from dfbench_sample.records import MANIFESTS, folder_of
from dfbench_sample.take import Take


def generate(
    root: Path,
    *,
    control: bool = False,
    reporter: Reporter | None = None,
    workers: int | None = None,
    seed: int = 0,
    qp: int = DEFAULT_QP,
    people: int = PEOPLE,
) -> None:
    """Fill ``root`` unless that is done. ``workers``: processes, by default one a core;
    ``people``: only the last so many, for tests."""
    folder = folder_of(root, seed, qp)
    manifest = folder / MANIFESTS[control]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if manifest.exists():
                return
            for left_over in folder.glob("*/.part-*"):
                left_over.unlink()
            families = plan(seed, control=control, people=people)
            _make_all(folder, families, qp, reporter or Reporter(), workers)
            rows = [video.row() for family in families for video in family]
            text = json.dumps({"schema": 1, "seed": seed, "qp": qp, "videos": rows}, indent=1)
            with atomic(manifest) as part:
                part.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise ResourceError(f"cannot make the sample dataset in {folder}: {error}") from error


sample = generate


def control(root: Path, **options: Any) -> None:
    """``generate`` for the card ``sample-control``."""
    generate(root, control=True, **options)


def _make_all(
    folder: Path, families: list[list[Video]], qp: int, reporter: Reporter, workers: int | None
) -> None:
    jobs = min(workers or cpu_count(), len(families))
    pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
    with reporter.task("draw the sample", sum(map(len, families))) as advance:
        for made in pool(delayed(make)(folder, family, qp) for family in families):
            advance(made)


def make(folder: Path, family: list[Video], qp: int) -> int:
    """Make what is missing of a real video and its fakes; how many there are now."""
    missing = [video for video in family if not (folder / f"{video.id}.mp4").exists()]
    if missing:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # the processes are the parallelism
        try:
            take = Take(family[0].seed, family[0].person, family[0].take)
            for video in missing:
                _write(folder / video.id, video, take, qp)
        finally:
            cv2.setNumThreads(threads)
    return len(family)


def _write(path: Path, video: Video, take: Take, qp: int) -> None:
    """The video file and, before it, its boxes: where the video is, both are complete."""
    shot, rng = take.shot(video), stream(video.seed, "sensor", video.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path.with_suffix(".npz")) as part, part.open("wb") as file:
        numbers = np.arange(len(shot.frames))
        np.savez(file, frames=numbers, boxes=shot.boxes, landmarks=shot.landmarks)
    with atomic(path.with_suffix(".mp4")) as part:
        write_video(part, [sensor(frame, rng) for frame in shot.frames], qp)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A path to write to; what was written takes the name ``path`` if all went well."""
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
