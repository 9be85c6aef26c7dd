"""The most confident mistakes: what to look at before believing a number."""

from __future__ import annotations

import numpy as np

from dfbench.catalogue.records import FAKE
from dfbench.evaluate.scores import Scores
from dfbench.results.result import Mistake

NUMBER = 10


def mistakes(
    videos: Scores, threshold: float | None, number: int | None = NUMBER
) -> tuple[Mistake, ...]:
    """The wrong decisions at ``threshold`` (0.5 without one) that lie farthest from it, the
    farthest first: at a score of 0 or 1 the confidence is 1, at the threshold 0. At most
    ``number``, None for all."""
    at = 0.5 if threshold is None else threshold
    called = videos.scores >= at
    above = (videos.scores - at) / max(1 - at, 1e-12)
    sure = np.clip(np.where(called, above, (at - videos.scores) / max(at, 1e-12)), 0, 1)
    wrong = np.flatnonzero(called != (videos.labels == FAKE))
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:number]
    return tuple(
        Mistake(
            video=videos.videos[i][1],
            label=int(videos.labels[i]),
            method=videos.methods[i],
            score=float(videos.scores[i]),
            confidence=float(sure[i]),
        )
        for i in order
    )
