"""Stores of small clips, and a catalogue with detectors that make their own fakes."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import fake_makers
import numpy as np
import pytest
from tiny_training import CLIP

from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.clips.reader import ClipReader
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.geometry import crop, square
from dfbench.faces.prepare import Prepared
from dfbench.faces.store import FaceStore


@pytest.fixture(scope="session")
def known() -> Catalogue:
    mine = EntryPoint("mine", fake_makers.__name__, "dfbench")
    return Catalogue(iter([*entry_points(group="dfbench"), mine]))


@pytest.fixture(scope="session")
def originals(make_video, tmp_path_factory) -> Path:
    """Dark real videos and light fakes: what turning the colours over has taught, the test has."""
    folder = tmp_path_factory.mktemp("originals")
    for number, (name, kind, _) in enumerate(fake_makers.VIDEOS):
        colour = (60 if kind == "real" else 200) + 2 * number

        def draw(n: int, colour: int = colour) -> np.ndarray:
            image = np.full((64, 64, 3), colour, np.uint8)
            image[16:32, 16:32] //= 2
            image[:, :, n % 3] += 5
            return image

        make_video(folder / name, frames=6, size=(64, 64), draw=draw, g=1, crf=10)
    return folder


@pytest.fixture
def readers(tmp_path):
    """Eight videos a split in a real store: fakes are brighter."""
    store = FaceStore(tmp_path / "faces")
    rng = np.random.default_rng(0)
    box = np.array([[8, 8, 24, 24]], np.float32)
    x, y, side = square(box)

    def video(name, label):
        crops, windows = {}, []
        for w in range(CLIP.windows):
            files = [f"clip{w:02d}/frame{t:02d}.png" for t in range(CLIP.frames)]
            for file in files:
                image = rng.integers(0, 150, (32, 32, 3)).astype(np.uint8) + np.uint8(60 * label)
                crops[file], _ = crop(image, x, y, side)
            marks = [[[10, 12], [20, 12], [15, 16], [11, 20], [19, 20]]] * CLIP.frames
            windows.append(
                StoredWindow(
                    [w, w + 1],
                    [x, y, side],
                    (box - [x, y, x, y]).tolist() * 2,
                    marks,
                    [1.0, 1.0],
                    files,
                )
            )
        store.write(
            name.replace("/", "-").ljust(64, "0"),
            StoredVideo(name, "ok", "", "r", "f", windows=windows),
            crops,
        )
        record = VideoRecord(name, tmp_path / name, label, method="m" if label else None)
        key = name.replace("/", "-").ljust(64, "0")
        return Prepared(record, key, "ok", "", (0, 1, 2), (True,) * 3)

    return [
        ClipReader([video(f"{split}/{i}", i % 2) for i in range(8)], store, CLIP)
        for split in ("train", "val")
    ]
