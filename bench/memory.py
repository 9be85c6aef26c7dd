"""What keeping freed memory saves on a CPU: training steps with and without it, process by process.

    python bench/memory.py --detector meso4 --detector r3d18:width=0.25 --repeats 3

Steps of the detector's own recipe on random clips, one thread; a fresh process each, in turns, so
that neither has the other's memory. ``kept`` is the ratio of medians.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--detector", action="append", help="default: meso4, r3d18:width=0.25")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=("kept", "given back"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(steps(asked.detector[0], asked.steps, asked.one == "kept")))
        return
    print("| detector | given back, s a step | kept, s a step | kept | peak MB | peak MB, kept |")
    print("|---|---|---|---|---|---|")
    for detector in asked.detector or ["meso4", "r3d18:width=0.25"]:
        found: dict[str, list[tuple[float, float]]] = {"given back": [], "kept": []}
        for _ in range(asked.repeats):
            for way, measured in found.items():
                command = [
                    sys.executable,
                    __file__,
                    "--one",
                    way,
                    "--detector",
                    detector,
                    "--steps",
                    str(asked.steps),
                ]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                measured.append(json.loads(done.stdout))
        (before, peak), (after, kept) = (
            map(statistics.median, zip(*measured, strict=True)) for measured in found.values()
        )
        print(
            f"| {detector} | {before:.2f} | {after:.2f} | {after / before:.2f} "
            f"| {peak:.0f} | {kept:.0f} |",
            flush=True,
        )


def steps(detector: str, number: int, kept: bool) -> tuple[float, float]:
    """Seconds of a training step (median, the first left out), peak MB of the process."""
    import torch

    from dfbench.catalogue.names import parse_name
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.detector.network import build_detector, to_unit
    from dfbench.training.memory import keep_freed_memory

    torch.set_num_threads(1)
    if kept:
        keep_freed_memory()
    name, options = parse_name(detector)
    _, card = open_catalogue().detector(name)
    card, options = card.configured(options)
    network = build_detector(card, options).train()
    network.place(torch.device("cpu"))
    clip, batch = card.clip, card.recipe.batch_size
    shape = (batch, clip.frames, clip.size, clip.size, 3)
    frames = torch.randint(0, 255, shape, dtype=torch.uint8)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3)
    taken = []
    for _ in range(number + 1):
        began = time.perf_counter()
        optimizer.zero_grad()
        network(to_unit(frames)).sum().backward()
        optimizer.step()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
