"""What the loader makes of the face store alone, on one core: frames and clips a second.

    python bench/loader.py

The store holds drawn crops of 320 pixels (see ``material``); no source video exists. Goals: 40
frames of 256 pixels, 10 clips of 16 x 112 x 112, a second and core, with augmentation.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from material import SIDE, Crops, material

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import VideoRecord
from dfbench.clips.loader import TrainingClips
from dfbench.clips.reader import ClipReader, Pick
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.geometry import STORE_MARGIN
from dfbench.faces.prepare import Prepared
from dfbench.faces.store import FaceStore

SPECS = {
    "frame 256": ClipSpec(size=256),
    "frame 256, eyes level": ClipSpec(size=256, align="similarity"),
    "clip 16x112x112": ClipSpec(frames=16, size=112),
    "clip 16x224x224": ClipSpec(frames=16, size=224),
}


def fill(store: FaceStore, clips: Crops, number: int) -> list[Prepared]:
    """``number`` videos of those clips in the store, whose files of origin do not exist."""
    places = ((0.32, 0.4), (0.68, 0.4), (0.5, 0.6), (0.36, 0.78), (0.64, 0.78))
    face = SIDE / STORE_MARGIN
    low, high = (SIDE - face) / 2, (SIDE + face) / 2
    marks = [[low + x * face, low + y * face] for x, y in places]
    windows, pictures = [], {}
    for c, clip in enumerate(clips):
        files = [f"clip{c:02d}/frame{t:02d}" for t in range(len(clip))]
        pictures |= dict(zip(files, clip, strict=True))
        many, box = len(clip), [low, low, high, high]
        windows.append(
            StoredWindow(
                list(range(many)),
                [0, 0, SIDE],
                [box] * many,
                [marks] * many,
                [1.0] * many,
                files,
                c,
            )
        )
    keys = [f"00{video:062x}" for video in range(number)]
    store.write(keys[0], StoredVideo("0", "ok", "", "", "", windows=windows), pictures)
    for key in keys[1:]:
        shutil.copy(store.path(keys[0]), store.path(key))
    there = len(windows)
    return [
        Prepared(
            VideoRecord(key, store.root / "no such video", number % 2),
            key,
            "ok",
            "",
            (0,) * there,
            (True,) * there,
        )
        for number, key in enumerate(keys)
    ]


def rate(clips: TrainingClips, asked: list[Pick]) -> float:
    begin = time.perf_counter()
    for pick in asked:
        clips[pick]
    return len(asked) / (time.perf_counter() - begin)


def picks(videos: int, windows: int) -> list[Pick]:
    """Four clips of each video, none twice, shuffled."""
    rng = np.random.default_rng(0)
    found = [(v, int(w), 0, 0) for v in range(videos) for w in rng.permutation(windows)[:4]]
    return [found[i] for i in rng.permutation(len(found))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print("| what | store | plain, per s and core | augmented, per s and core |\n|---|---|---|---|")
    for name, spec in SPECS.items():
        crops = material(spec)["drawn"]
        for lossy in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                store = FaceStore(Path(folder), lossy)
                reader = ClipReader(fill(store, crops, asked.videos), store, spec)
                rates = [
                    [
                        rate(TrainingClips(reader, augment, 0), picks(asked.videos, spec.windows))
                        for augment in ("none", "study")
                    ]
                    for _ in range(asked.repeats)
                ]
            plain, augmented = (statistics.median(column) for column in zip(*rates, strict=True))
            quality = "lossy" if lossy else "lossless"
            print(f"| {name} | {quality} | {plain:.0f} | {augmented:.0f} |", flush=True)


if __name__ == "__main__":
    main()
