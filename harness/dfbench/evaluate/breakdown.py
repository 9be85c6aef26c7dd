"""Where a detector is good and where it is not: by method, by what is known of the videos, by size.

What is known of each test video lies in ``videos.csv`` beside the scores, so a breakdown can be
computed again, as metrics can.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import MetricCard
from dfbench.catalogue.records import FAKE, REAL, Prediction
from dfbench.errors import ResultError
from dfbench.evaluate.bootstrap import DRAWS
from dfbench.evaluate.decide import Chosen
from dfbench.evaluate.metrics import measure
from dfbench.evaluate.scores import Scores, by_video
from dfbench.files import write_atomic
from dfbench.results.result import Breakdown

SHOWN = ("auc", "accuracy")
"""Metrics of a breakdown."""
MOST_VALUES = 20
"""An attribute with more values than this (a name, a date) does not divide videos into parts."""
_FACE = (64, 128, 256)  # px, of the longer side of the face
_HEIGHT = (480, 720, 1080)  # px, of the shorter side of the picture

About = Mapping[str, Mapping[str, str]]
"""Video id -> what is known of it: ``width``, ``height``, ``face`` (the face's longer side in px),
``people`` (how many were followed), and the attributes of its record."""


def write_about(about: About, path: Path) -> None:
    """``videos.csv``: a row a video, a column an attribute; empty where it is not known."""
    names = sorted({name for known in about.values() for name in known})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["video", *names])
    for video, known in about.items():
        writer.writerow([video, *(known.get(name, "") for name in names)])
    write_atomic(path, text.getvalue().encode())


def read_about(path: Path) -> About:
    """``videos.csv`` of a run; nothing is known where there is none. Raises ResultError."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if "video" not in (rows.fieldnames or ()):
            raise ResultError(f"{path} has no column video")
        return {row.pop("video"): {k: v for k, v in row.items() if k and v} for row in rows}


def break_down(
    predictions: Sequence[Prediction],
    videos: Scores,
    about: About,
    metrics: Mapping[str, MetricCard],
    chosen: Chosen,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[Breakdown, ...]:
    """AUC, accuracy and coverage of each part of the test videos, attribute by attribute.

    videos: their scores, as the run counts them. Attributes with one value, or with more than
    ``MOST_VALUES``, divide nothing and are passed over.
    """
    scored = {
        key: any(row.score is not None for row in rows)
        for key, rows in by_video(predictions).items()
    }
    labels = {(row.dataset, row.video): row.label for row in predictions}
    shown = {name: metrics[name] for name in SHOWN if name in metrics}
    brief = Chosen({rule: at for rule, at in chosen.thresholds.items() if rule == "val"})
    found = []
    for by, value_of in _attributes(predictions, about):
        of = {key: value_of(key) for key in scored}
        for value in _values(of):
            part = {key for key in scored if of[key] == value}
            same = any(labels[key] == REAL and of[key] for key in scored)
            mask = _belong(videos, part) | (False if same else videos.labels == REAL)
            values = measure(videos.subset(mask), f"{by}={value}", shown, brief, seed, draws)
            found.append(
                Breakdown(
                    by=by,
                    value=value,
                    videos=len(part),
                    coverage=sum(scored[key] for key in part) / len(part),
                    reals="same" if same else "all",
                    metrics=tuple(values),
                )
            )
    return tuple(found)


def _belong(videos: Scores, part: set[tuple[str, str]]) -> NDArray[np.bool_]:
    return np.array([key in part for key in videos.videos], bool)


ValueOf = Callable[[tuple[str, str]], str]


def _attributes(predictions: Sequence[Prediction], about: About) -> Iterator[tuple[str, ValueOf]]:
    """Each attribute that divides the videos, and its value for a video ("" = not known)."""
    method = {
        (row.dataset, row.video): row.method or "" if row.label == FAKE else ""
        for row in predictions
    }
    yield "method", lambda key: method[key]
    for name in sorted({name for known in about.values() for name in known}):
        if name in ("width", "height", "face"):
            continue
        yield name, lambda key, name=name: about.get(key[1], {}).get(name, "")  # type: ignore[misc]
    yield "face size", lambda key: _range(_number(about, key, "face"), _FACE)
    yield (
        "resolution",
        lambda key: _range(
            min(_number(about, key, "width"), _number(about, key, "height")), _HEIGHT
        ),
    )


def _number(about: About, key: tuple[str, str], name: str) -> float:
    return float(about.get(key[1], {}).get(name) or 0)


def _range(number: float, limits: Sequence[int]) -> str:
    """``below 64 px``, ``64-127 px``, …; "" for 0, which means not known."""
    if number == 0:
        return ""
    for low, high in zip((0, *limits), limits, strict=False):
        if number < high:
            return f"{low}-{high - 1} px" if low else f"below {high} px"
    return f"{limits[-1]} px and more"


def _values(of: Mapping[tuple[str, str], str]) -> list[str]:
    """The values of an attribute in the order of their names, numbers by size."""
    values = {value for value in of.values() if value}
    if not 1 < len(values) <= MOST_VALUES:
        return []
    return sorted(values, key=lambda v: (_leading(v), v))


def _leading(text: str) -> float:
    if text.startswith("below"):
        return -1.0
    digits = text.partition(" ")[0].partition("-")[0]
    return float(digits) if digits.isdecimal() else float("inf")
