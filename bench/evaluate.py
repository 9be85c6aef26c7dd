"""How long the metrics of a large test set take: 100,000 videos, 2,000 bootstrap draws.

    python bench/evaluate.py [--videos 100000] [--draws 2000]

Prints seconds and peak memory for AUC alone and for every metric of a run at video level, once with
as many groups as videos and once with fifty videos a group. The floor is the drawing itself.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from dfbench.catalogue.plugins import open_catalogue
from dfbench.evaluate.bootstrap import Bootstrap
from dfbench.evaluate.decide import choose
from dfbench.evaluate.metrics import measure
from dfbench.evaluate.scores import Scores


def table(videos: int, group: int) -> Scores:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, videos)
    scores = rng.random(videos) * 0.7 + 0.3 * labels
    names = np.empty(videos, object)
    names[:] = [("bench", str(i)) for i in range(videos)]
    methods = np.where(labels == 1, "m", None).astype(object)
    return Scores("video", labels, scores, np.arange(videos) // group, methods, names)


def timed(what: str, work: Callable[[], object]) -> None:
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {what} | {seconds:.1f} s | {peak:.0f} MB |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=2000)
    asked = parser.parse_args()
    metrics = open_catalogue().metrics()
    chosen = choose(table(2000, 1))
    print("| | time | peak memory so far |\n| --- | --- | --- |")
    for group in (1, 50):
        part = table(asked.videos, group)
        bootstrap = Bootstrap(part.groups, part.labels, asked.draws, 0)
        named = f"{asked.videos:,} videos in {asked.videos // group:,} groups"
        timed(
            f"{named}: {bootstrap.draws} draws alone",
            lambda b=bootstrap: sum(len(weights) for weights in b.weights()),
        )  # type: ignore[misc]
        one = {"auc": metrics["auc"]}
        timed(
            f"{named}: AUC",
            lambda p=part, m=one: measure(  # type: ignore[misc]
                p, "all", m, chosen, draws=asked.draws
            ),
        )
        timed(
            f"{named}: all {len(metrics)} metrics",
            lambda p=part: measure(  # type: ignore[misc]
                p, "all", metrics, chosen, draws=asked.draws
            ),
        )


if __name__ == "__main__":
    main()
