"""Training throughput: clips on the device (the floor), and the same steps fed from the face store.

    python bench/train.py                                     # small, for a CPU
    python bench/train.py --detector r3d50 --detector r3d101 --device cuda --batch-size 32 \\
        --precision 32 --precision bf16 --steps 50

A bare PyTorch loop of the same network and batch is timed too: what the harness adds to it is the
column ``harness``. Ratios are of medians over paired repeats in one process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional

from dfbench.catalogue.cards import DetectorCard
from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.clips.loader import EpochBatches, TrainingClips, training_loader
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector, build_detector, to_unit
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.geometry import crop, square
from dfbench.faces.prepare import Prepared
from dfbench.faces.store import FaceStore
from dfbench.fanout import default_workers
from dfbench.running.device import PRECISIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", action="append", help="default: r3d50 and r3d101, 1/8 wide")
    parser.add_argument("--precision", action="append", choices=list(PRECISIONS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=default_workers())
    asked = parser.parse_args()
    device = torch.cuda.get_device_name() if asked.device == "cuda" else "CPU"
    print(
        f"{device}, torch {torch.__version__}, batch {asked.batch_size}, {asked.steps} steps, "
        f"median of {asked.repeats}"
    )
    print(
        "| detector | precision | bare clips/s | device clips/s | harness | store clips/s "
        "| store/device | peak MB |\n|---|---|---|---|---|---|---|---|"
    )
    for name in asked.detector or ["r3d50:width=0.125", "r3d101:width=0.125"]:
        for precision in asked.precision or ["32"]:
            with tempfile.TemporaryDirectory() as folder:
                print(row(name, precision, asked, Path(folder)), flush=True)


def row(name: str, precision: str, asked: argparse.Namespace, folder: Path) -> str:
    short, given = parse_name(name)
    _, card = open_catalogue().detector(short)
    card, options = card.configured(given)
    detector = build_detector(card, options)
    detector.place(torch.device(asked.device))
    kind: Any = PRECISIONS[precision]
    fabric = Fabric(accelerator=asked.device, devices=1, precision=kind)
    loader = store_loader(card, asked, folder)
    batches = [batch for _, batch in zip(range(4), loader, strict=False)]
    resident = [(c.to(fabric.device), y.to(fabric.device)) for c, y in batches]

    def repeated() -> Iterator[tuple[Tensor, Tensor]]:
        for i in range(asked.steps):
            yield resident[i % len(resident)]

    if fabric.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    bare, harness = bare_steps(detector, fabric), harness_steps(detector, fabric)
    for steps in (bare, harness):  # warm up
        steps(repeated())
    times: dict[str, list[float]] = {"bare": [], "device": [], "store": []}
    for _ in range(asked.repeats):
        times["bare"].append(timed(bare, repeated(), fabric))
        times["device"].append(timed(harness, repeated(), fabric))
        times["store"].append(timed(harness, iter(loader), fabric))
    clips = asked.batch_size * asked.steps
    median = {key: statistics.median(value) for key, value in times.items()}
    overhead = statistics.median(d / b for d, b in zip(times["device"], times["bare"], strict=True))
    ratio = statistics.median(s / d for s, d in zip(times["store"], times["device"], strict=True))
    return (
        f"| {name} | {precision} | {clips / median['bare']:.1f} | "
        f"{clips / median['device']:.1f} | {overhead:.3f} | {clips / median['store']:.1f} | "
        f"{ratio:.3f} | {peak(fabric):.0f} |"
    )


Steps = Callable[[Iterator[tuple[Tensor, Tensor]]], None]


def bare_steps(detector: Detector, fabric: Fabric) -> Steps:
    """What anyone would write: normalise, forward, loss, backward, Adam."""
    optimizer = torch.optim.Adam(detector.parameters(), 1e-4, fused=fabric.device.type == "cuda")
    network, mean, std = detector.network, detector.mean, detector.std

    def steps(batches: Iterator[tuple[Tensor, Tensor]]) -> None:
        network.train()
        for clips, labels in batches:
            with fabric.autocast():
                logits = network((to_unit(clips) - mean) / std)
            loss = functional.binary_cross_entropy_with_logits(logits.float(), labels.float())
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return steps


def harness_steps(detector: Detector, fabric: Fabric) -> Steps:
    """The harness's own epoch (``train._epoch``) without its batch-norm measurement, which is 16
    forward passes an epoch however long the epoch is."""
    from dfbench.training import loop as train

    optimizer = torch.optim.Adam(detector.parameters(), 1e-4, fused=fabric.device.type == "cuda")
    module, optimizer = fabric.setup(detector, optimizer)
    weights = torch.ones(2, device=fabric.device)

    def steps(batches: Iterator[tuple[Tensor, Tensor]]) -> None:
        detector.train()
        for clips, labels in batches:
            train.training_step(module, detector, optimizer, clips, labels, weights, fabric)

    return steps


def timed(steps: Steps, batches: Iterator[tuple[Tensor, Tensor]], fabric: Fabric) -> float:
    wait(fabric)
    begin = time.perf_counter()
    steps(batches)
    wait(fabric)
    return time.perf_counter() - begin


def wait(fabric: Fabric) -> None:
    if fabric.device.type == "cuda":
        torch.cuda.synchronize()


def peak(fabric: Fabric) -> float:
    if fabric.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def store_loader(card: DetectorCard, asked: argparse.Namespace, folder: Path):  # type: ignore[no-untyped-def]
    """Batches for one repeat from a real face store of noise crops, 200 pixels a side."""
    clip, store = card.clip, FaceStore(folder)
    rng = np.random.default_rng(0)
    box = np.array([[45, 45, 155, 155]], np.float32).repeat(clip.frames, 0)
    x, y, side = square(box)
    marks: Any = [[[75, 85], [125, 85], [100, 110], [80, 130], [120, 130]]] * clip.frames
    videos = []
    for number in range(min(asked.batch_size * asked.steps, 64)):
        # Smooth pictures with grain: as costly to decode as faces are.
        image = np.kron(rng.integers(0, 200, (10, 10, 3)), np.ones((20, 20, 1))).astype(np.uint8)
        image += rng.integers(0, 12, image.shape, dtype=np.uint8)
        files = [f"clip00/frame{t:02d}.png" for t in range(clip.frames)]
        crops = {file: crop(np.roll(image, t, 1), x, y, side)[0] for t, file in enumerate(files)}
        local = (box - [x, y, x, y]).tolist()
        window = StoredWindow(
            list(range(clip.frames)), [x, y, side], local, marks, [1.0] * clip.frames, files
        )
        key = f"{number:064d}"
        store.write(key, StoredVideo(str(number), "ok", "", "", "", windows=[window]), crops)
        record = VideoRecord(str(number), folder / str(number), number % 2)
        videos.append(Prepared(record, key, "ok", "", (0,), (True,)))
    repeats = -(-asked.batch_size * asked.steps // len(videos))
    batches = EpochBatches(videos * repeats, 0, asked.batch_size, 0)
    clips = TrainingClips(ClipReader(videos * repeats, store, clip), "study", 0)
    return training_loader(clips, batches, asked.workers, asked.device == "cuda")


if __name__ == "__main__":
    main()
