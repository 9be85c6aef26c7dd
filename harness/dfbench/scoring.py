"""From raw scores to metrics with intervals. Every number here can be computed again from
``predictions.csv``, the metric cards and the threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbench.bootstrap import DRAWS, Bootstrap
from dfbench.cards import MetricCard
from dfbench.records import FAKE, REAL, Prediction
from dfbench.result import MetricValue
from dfbench.spec import OnMissing

CHANCE = 0.5

Aggregate = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True)
class Scores:
    """Scores of one level, frame/clip or video: labels, scores [N], and who they belong to."""

    level: str
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    groups: NDArray[np.int64]
    methods: NDArray[np.object_]

    def subset(self, mask: NDArray[np.bool_]) -> Scores:
        return Scores(self.level, self.labels[mask], self.scores[mask], self.groups[mask],
                      self.methods[mask])  # fmt: skip

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
            rows.append((clips[0], max(aggregate(np.array(s)) for s in people.values())))
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
    names = {name: i for i, name in enumerate(sorted({row.group for row, _ in rows}))}
    return Scores(
        level,
        np.array([row.label for row, _ in rows], np.int64),
        np.array([score for _, score in rows], np.float64),
        np.array([names[row.group] for row, _ in rows], np.int64),
        np.array([row.method for row, _ in rows], object),
    )


def coverage(predictions: Sequence[Prediction]) -> float:
    """Share of videos with at least one score."""
    videos = by_video(predictions)
    seen = sum(any(row.score is not None for row in rows) for rows in videos.values())
    return seen / len(videos) if videos else 0.0


def choose_threshold(scores: Scores) -> float:
    """The threshold with the largest true minus false positive rate (Youden's J).

    It lies halfway between two neighbouring scores; of equally good ones the nearest to 0.5.
    """
    levels = np.unique(scores.scores)
    candidates = np.r_[0.0, (levels[1:] + levels[:-1]) / 2, 1.0]
    fake = np.sort(scores.scores[scores.labels == FAKE])
    real = np.sort(scores.scores[scores.labels == REAL])
    tpr = 1 - np.searchsorted(fake, candidates) / max(len(fake), 1)
    fpr = 1 - np.searchsorted(real, candidates) / max(len(real), 1)
    best = candidates[np.isclose(tpr - fpr, (tpr - fpr).max(), atol=1e-12)]
    return float(best[np.argmin(np.abs(best - CHANCE))])


def evaluate(
    predictions: Sequence[Prediction],
    metrics: Mapping[str, MetricCard],
    level: str,
    aggregate: Aggregate,
    on_missing: OnMissing,
    threshold: float | None,
    seed: int = 0,
    draws: int = DRAWS,
    clips_a_person: int | None = None,
) -> tuple[MetricValue, ...]:
    """Every metric at both levels, over all fakes and method by method, with intervals.

    level: ``frame`` or ``clip``. threshold: the one chosen on validation, or None without one.
    clips_a_person: see ``video_scores``.
    """
    tables = [
        video_scores(predictions, aggregate, on_missing, clips_a_person),
        clip_scores(predictions, level, on_missing),
    ]
    values: list[MetricValue] = []
    for table in tables:
        for subset, part in _subsets(table):
            weights = Bootstrap(part.groups, draws, seed)
            for name, card in metrics.items():
                for rule, at in _rules(card, threshold):
                    values.append(_measure(f"{table.level}/{name}", card, part, subset, rule, at,
                                           weights))  # fmt: skip
    return tuple(values)


def _subsets(table: Scores) -> Iterator[tuple[str, Scores]]:
    yield "all", table
    methods = sorted(
        {m for m, y in zip(table.methods, table.labels, strict=True) if y == FAKE and m}
    )
    for method in methods:
        yield method, table.subset((table.labels == REAL) | (table.methods == method))


def _rules(card: MetricCard, threshold: float | None) -> list[tuple[str | None, float | None]]:
    if card.needs == "scores":
        return [(None, None)]
    chosen: list[tuple[str | None, float | None]] = [("0.5", 0.5)]
    return chosen if threshold is None else [*chosen, ("val", threshold)]


def _measure(
    name: str,
    card: MetricCard,
    part: Scores,
    subset: str,
    rule: str | None,
    at: float | None,
    bootstrap: Bootstrap,
) -> MetricValue:
    counts = {
        "n_real": int((part.labels == REAL).sum()),
        "n_fake": int((part.labels == FAKE).sum()),
    }
    about: dict[str, Any] = {
        "name": name,
        "subset": subset,
        "rule": rule,
        "threshold": at,
        **counts,
    }
    try:
        return _value(about, card, part, at, bootstrap)
    except Exception as error:  # noqa: BLE001 - one plugin's metric must not lose the run
        return MetricValue(**about, reason=f"{type(error).__name__}: {error}")


def _value(
    about: dict[str, Any], card: MetricCard, part: Scores, at: float | None, bootstrap: Bootstrap
) -> MetricValue:
    function = card.resolve()
    values = part.scores if at is None else (part.scores >= at).astype(np.float64)
    if not len(part):
        return MetricValue(**about, reason="no scores")
    value = float(function(part.labels, values))
    if not np.isfinite(value):
        only = "fake" if about["n_fake"] else "real"
        one_class = not (about["n_real"] and about["n_fake"])
        return MetricValue(**about, reason=f"only {only} videos" if one_class else "undefined")
    low, high = bootstrap.interval(function, part.labels, values, card.weighted)
    return MetricValue(**about, value=value, low=low, high=high)
