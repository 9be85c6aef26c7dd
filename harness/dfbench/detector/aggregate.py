"""From the scores of a video's frames or clips to the score of the video.

Raw scores are stored, so one way can be tried after the other without scoring again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from dfbench.errors import OptionError

Aggregate = Callable[[NDArray[np.float64]], float]
"""From the scores of a video's clips, [N] in 0..1 with N at least 1, to the video's, 0..1."""
OWN = "own"
"""The detector's own method ``aggregate``; only its code knows what it does."""


def mean(scores: NDArray[np.float64]) -> float:
    """Mean of the scores [N], N at least 1."""
    return float(np.add.reduce(scores) / len(scores))  # np.mean, without its ten microseconds


def median(scores: NDArray[np.float64]) -> float:
    """Median of the scores [N]."""
    return float(np.median(scores))


def maximum(scores: NDArray[np.float64]) -> float:
    """The highest score: one fake frame makes a fake video."""
    return float(np.max(scores))


def top_third(scores: NDArray[np.float64]) -> float:
    """Mean of the highest third, at least one (Li & Lyu 2019, section 4.3)."""
    return float(np.sort(scores)[-max(len(scores) // 3, 1) :].mean())


def confident(scores: NDArray[np.float64]) -> float:
    """What the winner of the DFDC challenge did (Seferbekov 2020), who had 32 frames a video.

    More than 11 scores above 0.8, and more than 2/5 of all: the mean of those. More than 9/10 of
    all below 0.2: the mean of those. Otherwise the mean. With 11 clips or fewer the first case
    does not occur.
    """
    high, low = scores[scores > 0.8], scores[scores < 0.2]
    if len(high) > 11 and len(high) > len(scores) // 2.5:
        return float(high.mean())
    if len(low) > 0.9 * len(scores):
        return float(low.mean())
    return float(scores.mean())


AGGREGATES: Mapping[str, Aggregate] = {
    "mean": mean,
    "max": maximum,
    "median": median,
    "top-third": top_third,
    "confident": confident,
}
"""By the names that ``--aggregate`` and cards take."""


def aggregate_called(name: str) -> Aggregate:
    """The function of that name. Raises OptionError for another name, ``own`` included."""
    try:
        return AGGREGATES[name]
    except KeyError:
        known = ", ".join(AGGREGATES)
        raise OptionError(f"--aggregate is one of {known}, not {name!r}") from None
