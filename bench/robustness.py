"""What each perturbation costs, as a ratio to scoring the clean videos.

    python bench/robustness.py

``meso4`` (one frame a clip) and ``r3d18:width=0.25`` (16 frames a clip) score a few videos of the
dataset ``sample``, which are prepared first; then the same under each perturbation at its middle
value, and clean again around it. The ratio is that of the medians over ``--repeats`` rounds of
processor seconds, all in one process and on one thread, so that others on the machine count little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import cv2
import torch
from lightning_fabric import Fabric

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.perturb import KINDS, Perturbation
from dfbench.clips.reader import ClipReader
from dfbench.data.listing import read_dataset
from dfbench.detector.network import build_detector
from dfbench.faces.prepare import prepare
from dfbench.faces.store import FaceStore
from dfbench.places import cache_folder, faces_folder
from dfbench.running.videos import find_faces
from dfbench.training.predict import predict

DETECTORS = ("meso4", "r3d18:width=0.25")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    cost = {name: ratios(name, asked.videos, asked.repeats) for name in DETECTORS}
    print(f"| perturbation | {' | '.join(DETECTORS)} |\n|---|{'---|' * len(DETECTORS)}")
    for label in next(iter(cost.values())):
        print(f"| {label} | {' | '.join(f'{cost[name][label]:.2f}' for name in DETECTORS)} |")


def ratios(name: str, videos: int, repeats: int) -> dict[str, float]:
    """Perturbation -> processor time of scoring under it / of scoring clean."""
    short, given = parse_name(name)
    card, options = open_catalogue().detector(short)[1].configured(given)
    detector = build_detector(card, options)
    reader = clean_reader(card.clip, videos)
    fabric = Fabric(accelerator="cpu", devices=1)

    def seconds(by: Perturbation | None) -> float:
        begin = time.process_time()
        for _ in predict(detector, replace(reader, perturb=by), "sample", 8, 0, fabric):
            pass
        return time.process_time() - begin

    tested = [Perturbation(name, kind.standard[2]) for name, kind in KINDS.items()]
    seconds(None)
    rounds = [[seconds(by) for by in (None, *tested)] for _ in range(repeats)]
    clean, *perturbed = (statistics.median(column) for column in zip(*rounds, strict=True))
    names = [f"{by.name}, {by.kind.unit} {by.value:g}" for by in tested]
    return {name: took / clean for name, took in zip(names, perturbed, strict=True)}


def clean_reader(clip: ClipSpec, videos: int) -> ClipReader:
    """Test videos of ``sample``, prepared."""
    cache = cache_folder(None)
    listing = read_dataset(
        "sample",
        open_catalogue(),
        {},
        cache,
        trained_on=True,
        at_most=None,
        workers=1,
        reporter=Reporter(),
        split_file=None,
    )
    records = listing.of("test")[:videos]
    store = FaceStore(faces_folder(cache))
    finder = find_faces(None, listing, records, open_catalogue(), cache)
    return ClipReader(prepare(records, clip, finder, store), store, clip)


if __name__ == "__main__":
    main()
