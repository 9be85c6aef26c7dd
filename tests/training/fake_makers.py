"""A plugin of detectors that make their own fakes, and a dataset that ships landmarks."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from dfbench.catalogue.cards import ClipSpec, DatasetCard, DetectorCard, Recipe
from dfbench.catalogue.hookspecs import hookimpl
from dfbench.catalogue.records import FAKE, VideoRecord
from dfbench.clips.augment import Augmentation
from dfbench.faces.geometry import Jitter

SPEC = ClipSpec(frames=2, windows=2, size=16)


class Seam(nn.Module):
    """Makes fakes by turning the colours over, and draws more numbers for a fake than for a real
    clip, as making one does."""

    def __init__(self, size: int = 16, landmarks: int = 5) -> None:
        super().__init__()
        self.size, self.landmarks = size, landmarks
        self.head = nn.Linear(3, 1)

    def forward(self, clips):
        return self.head(clips.mean((2, 3, 4)))[:, 0]

    def stages(self):
        return [("head", [self.head])]

    def training_clips(self, frames, boxes, landmarks, label, rng):
        side = frames.shape[1]
        assert frames.shape == (len(boxes), side, side, 3)
        assert (boxes.shape[1:], landmarks.shape[1:]) == ((4,), (self.landmarks, 2))
        assert (boxes.dtype, landmarks.dtype) == (np.float32, np.float32)
        # The wide crop in its own pixels: the face lies inside it.
        assert (boxes[:, :2] > 0).all()
        assert (boxes[:, 2:] < side).all()
        if label == FAKE:
            rng.random(5)
            return 255 - frames
        return frames


class Looks(Seam):
    """Seam with regions, its own augmentation, and the highest view's score."""

    def regions(self, boxes, _landmarks, rng):
        x0, y0, x1, y1 = np.median(boxes, axis=0)
        xm, ym = (x0 + x1) / 2, (y0 + y1) / 2
        if rng is not None:
            dx, dy = rng.uniform(0, 5, 2)
            return np.array([[x0 + dx, y0 + dy, x1, y1]])
        return np.array([[x0, y0, xm, ym], [xm, y0, x1, ym], [x0, ym, xm, y1], [x0, y0, x1, y1]])

    def combine(self, scores):
        assert scores.shape == (4,)
        return scores.max()

    def augment(self, rng):
        turn = Jitter(scale=float(rng.uniform(0.9, 1.1)), flip=bool(rng.integers(2)))
        return Augmentation(turn, brightness=1.0)


class Plain(nn.Module):
    """What learns from both classes, for comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 1)

    forward, stages = Seam.forward, Seam.stages


def points68(side: float) -> np.ndarray:
    """68 points that all differ, inside a square."""
    n = np.arange(68)
    return np.stack([0.1 + 0.8 * (n % 9) / 8, 0.1 + 0.8 * (n // 9) / 7], axis=1) * side


def shipped(root: Path, points: int) -> Iterable[VideoRecord]:
    """``videos.csv`` of a folder, with a box and so many landmarks a frame."""
    with (root / "videos.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    marks = np.array([8, 8]) + (points68(48.0) if points == 68 else points68(48.0)[:5])
    table = root / f"faces{points}.npz"
    np.savez(
        table,
        frames=np.arange(6),
        boxes=np.tile([8.0, 8, 56, 56], (6, 1)),
        landmarks=np.tile(marks, (6, 1, 1)),
    )
    for row in rows:
        fake = row["label"] == "fake"
        yield VideoRecord(
            row["path"],
            root / row["path"],
            int(fake),
            row["split"],
            boxes=table,
            method=row["method"] if fake else None,
        )


@hookimpl
def dfbench_detectors() -> list[DetectorCard]:
    recipe = Recipe(epochs=2, batch_size=4, lr=0.1, augment="none", clips_per_video=1)
    options = {"size": 16, "landmarks": 5}
    own = replace(recipe, augment="own")
    return [
        DetectorCard(
            name="seam",
            summary="",
            target=f"{__name__}:Seam",
            clip=SPEC,
            recipe=recipe,
            options=options,
        ),
        DetectorCard(
            name="looks",
            summary="",
            target=f"{__name__}:Looks",
            clip=SPEC,
            recipe=own,
            options=options,
        ),
        DetectorCard(
            name="plain", summary="", target=f"{__name__}:Plain", clip=SPEC, recipe=recipe
        ),
    ]


@hookimpl
def dfbench_datasets() -> list[DatasetCard]:
    return [
        DatasetCard(name="shipped", summary="", target=f"{__name__}:shipped", options={"points": 5})
    ]


VIDEOS = [
    (f"{split}-{kind}{n}.mp4", kind, split)
    for split, many in (("train", 3), ("val", 2), ("test", 2))
    for kind in ("real", "fake")
    for n in range(many)
]
