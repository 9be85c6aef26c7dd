"""Feeding a network: from the store alone, every video once, without remembering them."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from lightning_fabric import Fabric
from scenes import CLIPS, finder, video

from dfbench.catalogue.records import Prediction, VideoRecord
from dfbench.clips.loader import (
    EpochBatches,
    TrainingClips,
    WholeVideos,
    training_loader,
    video_loader,
)
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector
from dfbench.faces.prepare import Prepared, prepare
from dfbench.faces.store import FaceStore
from dfbench.training.predict import predict


@pytest.fixture
def store(tmp_path) -> FaceStore:
    return FaceStore(tmp_path / "faces")


def test_what_is_prepared_is_read_without_its_source(make_video, tmp_path, store, monkeypatch):
    """Training and scoring go by the store alone: the videos may be gone."""
    records = [video(make_video, tmp_path / f"{n}.mp4", label=n % 2) for n in range(3)]
    records.append(VideoRecord("gone", tmp_path / "gone.mp4", 1))
    done = prepare(records, CLIPS, finder(), store)
    for record in records[:3]:
        record.path.unlink()

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a source video was opened")

    for name in ("dfbench.faces.cut.open_video", "dfbench.video.reader.Video.__init__", "av.open"):
        monkeypatch.setattr(name, opened)
    reader = ClipReader(done, store, CLIPS)
    batches = EpochBatches(done, 0, 4, 0)
    clips = TrainingClips(reader, "study", 0)
    seen = [(clip, label) for clip, label in training_loader(clips, batches, 0, False)]
    assert sorted(len(labels) for _, labels in seen) == [3, 3, 3]
    assert all(clip.shape[1:] == (6, 32, 32, 3) for clip, _ in seen)
    whole = [
        item
        for chunk in video_loader(WholeVideos(reader), [[0, 1], [2, 3]], 0, False)
        for item in chunk
    ]
    assert [number for number, _ in whole] == [0, 1, 2, 3]
    assert [clips is None for _, clips in whole] == [False, False, False, True]


class Threaded:
    """Stands for what must be freed in the process that made it, such as FFmpeg's converters."""

    def __init__(self, log: Path) -> None:
        self.log, self.me = log, self  # a cycle: freed when garbage is collected, not before

    def __del__(self) -> None:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")


class Collecting(torch.utils.data.Dataset):
    """Lets go of what was inherited, and collects garbage, in a worker."""

    kept: ClassVar[list[Threaded]] = []

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> tuple[int, None]:
        self.kept.clear()
        gc.collect()
        return number, None


def test_a_worker_frees_nothing_that_the_parent_made(tmp_path):
    """A forked worker that collected a converter of its parent, whose threads it does not have,
    waited for them for ever."""
    log = tmp_path / "freed"
    gc.disable()
    try:
        Threaded(log)
        Collecting.kept.append(Threaded(log))
        list(video_loader(Collecting(), [[0], [1]], 1, False))
    finally:
        gc.enable()
    Collecting.kept.clear()
    gc.collect()
    assert log.read_text().split() == [str(os.getpid())] * 2


class Redness(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(4.0))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.scale * clips[:, 0].mean((1, 2, 3))


def scored(videos: list[Prepared], store: FaceStore, batch: int) -> Iterator[list[Prediction]]:
    fabric = Fabric(accelerator="cpu", devices=1)
    detector = Detector(Redness(), CLIPS)
    return predict(detector, ClipReader(videos, store, CLIPS), "d", batch, 0, fabric)


@pytest.fixture
def copies(make_video, tmp_path, store) -> list[Prepared]:
    """One video under ninety names, every tenth a file that is not there."""
    (done,) = prepare([video(make_video, tmp_path / "a.mp4")], CLIPS, finder(), store)
    (gone,) = prepare([VideoRecord("gone", tmp_path / "gone.mp4", 1)], CLIPS, finder(), store)
    some = [gone if number % 10 == 9 else done for number in range(90)]
    return [replace(i, record=replace(i.record, id=f"v{n}")) for n, i in enumerate(some)]


@pytest.mark.parametrize("batch", [1, 3, 7, 64, 1000])
def test_rows_are_videos_times_clips_whatever_the_batch(copies, store, batch):
    """Fault 11: the last batch is whole or not, nothing is dropped, nothing counted twice."""
    rows = [row for chunk in scored(copies, store, batch) for row in chunk]
    assert [(row.video, row.clip) for row in rows] == [
        (f"v{n}", clip) for n in range(90) for clip in range(3)
    ]
    assert [row.score is None for row in rows] == [n % 10 == 9 for n in range(90) for _ in "123"]


def test_scoring_remembers_no_video(copies, store):
    """Fault 11: ten times the videos take the same memory."""

    def peak(videos: list[Prepared]) -> int:
        tracemalloc.start()
        try:
            for _ in scored(videos, store, 6):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(copies[:9])  # what is imported and cached at the first use
    few, many = peak(copies[:9]), peak(copies)
    clip = 6 * 72 * 72 * 3
    assert many < few + clip
