"""What makes scores doubtful without making them wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfbench.catalogue.records import Prediction
from dfbench.detector.aggregate import mean
from dfbench.evaluate.delong import components
from dfbench.evaluate.scores import by_video, video_scores

_EXAMPLES = 3


def doubts(rows: Sequence[Prediction]) -> list[str]:
    """Warnings: videos that have no score though nothing says why, and scores that rank the wrong
    way round, so that 1 - score would be better."""
    warnings = []
    videos = by_video(rows)
    lost = [
        video
        for (_, video), clips in videos.items()
        if all(row.score is None and row.status == "missing" for row in clips)
    ]
    if lost:
        more = ", …" * (len(lost) > _EXAMPLES)
        warnings.append(
            f"{len(lost)} of {len(videos)} videos have no score: "
            f"{', '.join(lost[:_EXAMPLES])}{more}"
        )
    found = video_scores(rows, mean, "exclude")
    if len(np.unique(found.labels)) == 2:
        auc = float(components(found.labels, found.scores[None]).aucs[0])
        if auc < 0.5:
            warnings.append(
                f"the scores rank the wrong way round: AUC {auc:.3f} as they are, {1 - auc:.3f} "
                "with 1 - score; --turned if they say how real a video is"
            )
    return warnings
