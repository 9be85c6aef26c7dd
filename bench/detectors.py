"""What each detector costs: parameters, multiply-adds, clips a second in training and inference.

    python bench/detectors.py --detector meso4 --detector r3d18:width=0.25      # small, for a CPU
    python bench/detectors.py --device cuda --precision bf16                    # all, on a GPU

Every detector gets clips of its own input that already lie on the device, and the batch at which
its throughput no longer grows, or that still fits the card. Training is the harness's own step over
all parameters; what feeds it from disk is timed in ``bench/train.py``.
"""

from __future__ import annotations

import argparse
import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dfbench.catalogue.cards import DetectorCard
from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector, build_detector, count_parameters, to_unit
from dfbench.running.device import PRECISIONS
from dfbench.training.loop import training_step

GAIN = 1.05
"""A doubled batch must bring at least so much more throughput to be worth it."""
HEAD = (
    "| detector | input | parameters | GMACs | inference batch | clips/s | training batch "
    "| clips/s | peak MB |\n|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", action="append", help="default: all")
    parser.add_argument("--precision", choices=list(PRECISIONS), default="32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--largest-batch", type=int, default=0, help="default: 4, on a GPU 1024")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    asked = parser.parse_args()
    gpu = asked.device == "cuda"
    asked.largest_batch = asked.largest_batch or (1024 if gpu else 4)
    device = torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"{device}, torch {torch.__version__}, precision {asked.precision}\n\n{HEAD}")
    for name in asked.detector or sorted(open_catalogue().cards("detectors")):
        print(row(name, asked), flush=True)


def row(name: str, asked: argparse.Namespace) -> str:
    short, given = parse_name(name)
    card, options = open_catalogue().detector(short)[1].configured(given)
    detector = build_detector(card, options)
    gmacs = multiply_adds(detector) / 1e9
    kind: Any = PRECISIONS[asked.precision]
    fabric = Fabric(accelerator=asked.device, devices=1, precision=kind)
    detector.place(fabric.device)
    scoring = fastest(scorer(detector, fabric), card, asked, fabric)
    training = fastest(trainer(detector, fabric), card, asked, fabric)
    shape = f"{card.clip.frames} x {card.clip.size}²"
    return (
        f"| {name} | {shape} | {count_parameters(detector):,} | {gmacs:.2f} | {scoring.batch} | "
        f"{scoring.rate:.1f} | {training.batch} | {training.rate:.1f} | {training.peak:.0f} |"
    )


def multiply_adds(detector: Detector) -> float:
    """Of one clip forward: convolutions, matrix products, attention, and what an LSTM does."""
    clips = torch.rand(1, 3, detector.clip.frames, detector.clip.size, detector.clip.size)
    # oneDNN runs a whole LSTM as one operation, which the counter does not know.
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False):
        counter = FlopCounterMode(display=False)
        with counter:
            detector.eval()(clips)
    return counter.get_total_flops() / 2


@dataclass
class Measured:
    batch: int = 0
    rate: float = 0.0
    peak: float = math.nan


def fastest(
    step: Callable[[Tensor, Tensor], None],
    card: DetectorCard,
    asked: argparse.Namespace,
    fabric: Fabric,
) -> Measured:
    """The batch, from 1 up by doubling, at which clips a second no longer grow."""
    best = Measured()
    batch = 1
    while batch <= asked.largest_batch:
        try:
            found = measure(step, card, batch, asked.seconds, fabric)
        except torch.OutOfMemoryError:
            break
        finally:
            gc.collect()
            if fabric.device.type == "cuda":
                torch.cuda.empty_cache()
        if found.rate < best.rate * GAIN:
            break
        best, batch = found, batch * 2
    return best


def measure(
    step: Callable[[Tensor, Tensor], None],
    card: DetectorCard,
    batch: int,
    seconds: float,
    fabric: Fabric,
) -> Measured:
    side, frames = card.clip.size, card.clip.frames
    clips = torch.randint(0, 256, (batch, frames, side, side, 3), dtype=torch.uint8)
    clips, labels = clips.to(fabric.device), (torch.arange(batch) % 2).to(fabric.device)
    cuda = fabric.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    for _ in range(3 if cuda else 1):
        step(clips, labels)
    done, begin = 0, clock(cuda)
    while (now := clock(cuda)) - begin < seconds or done == 0:
        for _ in range(5 if cuda else 1):
            step(clips, labels)
            done += 1
    del now
    rate = done * batch / (clock(cuda) - begin)
    return Measured(batch, rate, torch.cuda.max_memory_allocated() / 2**20 if cuda else math.nan)


def clock(cuda: bool) -> float:
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


def scorer(detector: Detector, fabric: Fabric) -> Callable[[Tensor, Tensor], None]:
    def step(clips: Tensor, labels: Tensor) -> None:
        del labels
        detector.eval()
        with torch.inference_mode(), fabric.autocast():
            detector(to_unit(clips))

    return step


def trainer(detector: Detector, fabric: Fabric) -> Callable[[Tensor, Tensor], None]:
    detector.fine_tune("all")
    fused = fabric.device.type == "cuda"
    optimizer = torch.optim.Adam(detector.parameters(), 1e-5, fused=fused)
    module, wrapped = fabric.setup(detector, optimizer)
    weights = torch.ones(2, device=fabric.device)

    def step(clips: Tensor, labels: Tensor) -> None:
        detector.train()
        training_step(module, detector, wrapped, clips, labels, weights, fabric)

    return step


if __name__ == "__main__":
    main()
