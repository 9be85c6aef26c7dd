"""Scores of one level, gathered from the rows of ``predictions.csv``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.records import Prediction
from dfbench.detector.aggregate import Aggregate
from dfbench.errors import ResultError
from dfbench.results.spec import OnMissing

CHANCE = 0.5
"""The AUC of a detector that knows nothing, and the score of a video without one."""


@dataclass(frozen=True)
class Scores:
    """Scores of one level, frame/clip or video: labels, scores [N], and who they belong to.

    groups: numbers of the units that are drawn together. methods: None for real videos. videos:
    (dataset, id).
    """

    level: str
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    groups: NDArray[np.int64]
    methods: NDArray[np.object_]
    videos: NDArray[np.object_]

    def subset(self, mask: NDArray[Any]) -> Scores:
        """Those where ``mask`` is true, or those at the places it gives, in its order."""
        return Scores(
            self.level,
            self.labels[mask],
            self.scores[mask],
            self.groups[mask],
            self.methods[mask],
            self.videos[mask],
        )

    def __len__(self) -> int:
        return len(self.labels)


def by_video(predictions: Sequence[Prediction]) -> dict[tuple[str, str], list[Prediction]]:
    """(dataset, video) -> its rows, in the order of the file. Ids are unique within a dataset, so
    equal names under two methods never merge."""
    videos: dict[tuple[str, str], list[Prediction]] = {}
    for row in predictions:
        videos.setdefault((row.dataset, row.video), []).append(row)
    return videos


def video_scores(
    predictions: Sequence[Prediction],
    aggregate: Aggregate,
    on_missing: OnMissing,
    clips_a_person: int | None = None,
) -> Scores:
    """One score a video: the aggregate over its scored clips, or what ``on_missing`` says.

    clips_a_person: with ``--all-faces``, how many clip numbers each person has; the video's score
    is then that of the person who looks most fake.
    """
    rows: list[tuple[Prediction, float]] = []
    for clips in by_video(predictions).values():
        people: dict[int, list[float]] = {}
        for row in clips:
            if row.score is not None:
                people.setdefault(row.clip // (clips_a_person or row.clip + 1), []).append(
                    row.score
                )
        if people:
            each = [aggregate(np.array(scores)) for scores in people.values()]
            rows.append((clips[0], max(each)))
        elif on_missing == "chance":
            rows.append((clips[0], CHANCE))
    return _scores("video", rows)


def clip_scores(predictions: Sequence[Prediction], level: str, on_missing: OnMissing) -> Scores:
    """One score a frame or clip; a missing one is handled as a missing video is."""
    rows = [
        (row, CHANCE if row.score is None else row.score)
        for row in predictions
        if row.score is not None or on_missing == "chance"
    ]
    return _scores(level, rows)


def _scores(level: str, rows: Sequence[tuple[Prediction, float]]) -> Scores:
    """Raises ResultError for a score that is no number between 0 and 1."""
    wrong = [(row, score) for row, score in rows if not 0 <= score <= 1]  # NaN is not, either
    if wrong:
        row, score = wrong[0]
        raise ResultError(
            f"{len(wrong)} scores are not between 0 and 1, the first is {score} of {row.video}"
        )
    names = {name: i for i, name in enumerate(sorted({row.group for row, _ in rows}))}
    videos = np.empty(len(rows), object)  # of pairs: NumPy would make a matrix of them
    videos[:] = [(row.dataset, row.video) for row, _ in rows]
    return Scores(
        level,
        np.array([row.label for row, _ in rows], np.int64),
        np.array([score for _, score in rows], np.float64),
        np.array([names[row.group] for row, _ in rows], np.int64),
        np.array([row.method for row, _ in rows], object),
        videos,
    )


def coverage(predictions: Sequence[Prediction]) -> float:
    """Share of videos with at least one score, 0..1; of no rows 0."""
    videos = by_video(predictions)
    seen = sum(any(row.score is not None for row in rows) for rows in videos.values())
    return seen / len(videos) if videos else 0.0
