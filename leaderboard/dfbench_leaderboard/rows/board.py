"""The leaderboard as an object: what every form of output is written from."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from dfbench import UnknownNameError, open_catalogue
from dfbench_leaderboard.rows.collect import Collected, collect, plain_name
from dfbench_leaderboard.rows.entries import entries
from dfbench_leaderboard.rows.found import LeftOut
from dfbench_leaderboard.rows.rank import Contest, Ranked, rank
from dfbench_leaderboard.rows.row import Row
from dfbench_leaderboard.rows.sources import Sources

SHOWN = {
    "video/auc": "AUC",
    "video/average_precision": "AP",
    "video/f1": "F1",
    "video/accuracy": "accuracy",
    "video/eer": "EER",
    "video/log_loss": "log loss",
    "video/ece": "ECE",
}
"""Metrics that are always shown, and their headings."""
LEVELS = ("video", "clip", "frame")
_EXAMPLES = 12


@dataclass(frozen=True)
class Board:
    """contests: entries that may be compared, best first. others: metrics shown beside ``metric``.
    searched: where runs were looked for."""

    metric: str
    higher_is_better: bool
    contests: dict[Contest, list[Ranked]]
    left_out: list[LeftOut]
    searched: tuple[str, ...]

    @property
    def others(self) -> list[str]:
        return [metric for metric in SHOWN if metric != self.metric]

    def rows(self) -> Iterator[tuple[Contest, Ranked]]:
        for contest, ranked in self.contests.items():
            yield from ((contest, one) for one in ranked)


def make_board(sources: Sources, metric: str = "video/auc", test: str | None = None) -> Board:
    """Collect and rank. ``test`` keeps runs tested on that dataset, by its name or its label.

    Raises UnknownNameError for a metric or dataset with the near matches, and what ``collect``
    raises.
    """
    higher = direction(metric)
    found = collect(sources, metric, SHOWN)
    if found.rows and metric not in found.keys:
        raise UnknownNameError(_unknown("metric", metric, found.keys))
    rows = found.rows if test is None else tested_on(test, found)
    contests = rank(entries(rows), metric, higher)
    return Board(metric, higher, contests, found.left_out, tuple(sources.names))


def direction(metric: str) -> bool:
    """Whether more is better, from the metric's card."""
    cards = open_catalogue().metrics()
    level, _, name = plain_name(metric).partition("/")
    if level not in LEVELS or name not in cards:
        raise UnknownNameError(
            _unknown("metric", metric, [f"{v}/{c}" for v in LEVELS for c in cards])
        )
    return cards[name].higher_is_better


def tested_on(test: str, found: Collected) -> list[Row]:
    """The rows tested on the dataset of that name or label. Raises UnknownNameError."""
    rows = [row for row in found.rows if test in (row.spec.test.dataset, row.spec.test.label)]
    if not rows:
        known = {row.spec.test.label for row in found.rows}
        raise UnknownNameError(_unknown("run tested on", test, known))
    return rows


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    if near:
        return f"no {what} {name!r}. Did you mean {' or '.join(near)}?"
    some = sorted(known, key=lambda one: (len(one), one))[:_EXAMPLES]  # the plain ones are short
    more = f" and {len(known) - len(some)} more" if len(known) > len(some) else ""
    return f"no {what} {name!r}. There are: {', '.join(some) or 'none'}{more}."
