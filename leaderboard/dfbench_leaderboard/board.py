"""The leaderboard as an object: what every form of output is written from."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dfbench.catalogue import catalogue
from dfbench.errors import UnknownNameError
from dfbench_leaderboard.collect import Collected, LeftOut, Row, collect
from dfbench_leaderboard.rank import Contest, Ranked, rank

SHOWN = {
    "video/auc": "AUC",
    "video/average_precision": "AP",
    "video/f1": "F1",
    "video/accuracy": "accuracy",
    "video/eer": "EER",
    "video/log_loss": "log loss",
}
"""Metrics that are always shown, and their headings."""
LEVELS = ("video", "clip", "frame")


@dataclass(frozen=True)
class Board:
    """contests: rows that may be compared, best first. others: metrics shown beside ``metric``."""

    metric: str
    higher_is_better: bool
    contests: dict[Contest, list[Ranked]]
    left_out: list[LeftOut]
    folders: tuple[Path, ...]

    @property
    def others(self) -> list[str]:
        return [metric for metric in SHOWN if metric != self.metric]

    def rows(self) -> Iterator[tuple[Contest, Ranked]]:
        for contest, ranked in self.contests.items():
            yield from ((contest, one) for one in ranked)


def make_board(
    folders: Iterable[Path], metric: str = "video/auc", test: str | None = None
) -> Board:
    """Collect and rank. ``test`` keeps runs tested on that dataset, by its name or its label.

    Raises UnknownNameError for a metric or dataset with the near matches, ResultError for a
    folder that is not there.
    """
    higher = _direction(metric)
    folders = tuple(folders)
    found = collect(folders, {*SHOWN, metric})
    if found.rows and metric not in found.keys:
        raise UnknownNameError(_unknown("metric", metric, found.keys))
    rows = found.rows if test is None else _tested_on(test, found)
    return Board(metric, higher, rank(rows, metric, higher), found.left_out, folders)


def _direction(metric: str) -> bool:
    """Whether more is better, from the metric's card."""
    cards = catalogue().metrics()
    level, _, name = metric.partition("[")[0].partition("@")[0].partition("/")
    if level not in LEVELS or name not in cards:
        raise UnknownNameError(
            _unknown("metric", metric, [f"{v}/{c}" for v in LEVELS for c in cards])
        )
    return cards[name].higher_is_better


def _tested_on(test: str, found: Collected) -> list[Row]:
    rows = [row for row in found.rows if test in (row.spec.test.dataset, row.spec.test.label)]
    if not rows:
        known = {row.spec.test.label for row in found.rows}
        raise UnknownNameError(_unknown("run tested on", test, known))
    return rows


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"no {what} {name!r}.{hint} There are: {', '.join(sorted(known)) or 'none'}."
