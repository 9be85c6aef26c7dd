"""Who is compared with whom: runs on the same videos, those that differ only in seed together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import MetricCard
from dfbench.errors import OptionError, ResultError
from dfbench.evaluate.decide import Chosen
from dfbench.evaluate.scores import Scores
from dfbench.evaluate.stored import StoredRun

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """Runs of one detector, trained and tested alike under one or more seeds.

    name: unique among those compared. places: which rows of a ``Table`` are its runs.
    """

    name: str
    runs: tuple[StoredRun, ...]
    places: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """The video scores of several runs on the same videos.

    labels, groups [N]; scores [K, N]; videos [N] of (dataset, id). chosen: what validation gave
    each run, [K].
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    scores: Floats
    videos: NDArray[np.object_]
    chosen: tuple[Chosen, ...]
    contenders: tuple[Contender, ...]


def make_table(runs: Sequence[StoredRun], aggregate: str | None = None) -> Table:
    """Line the runs up. Raises ResultError when they were not tested on the same videos in the
    same way, saying on how many they differ."""
    tables = [run.scores(aggregate) for run in runs]
    first = tables[0]
    for run, other in zip(runs[1:], tables[1:], strict=True):
        _check_same(runs[0], first, run, other)
    places = [{video: i for i, video in enumerate(table.videos)} for table in tables]
    scores = np.stack(
        [
            table.scores[[place[video] for video in first.videos]]
            for table, place in zip(tables, places, strict=True)
        ]
    )
    chosen = tuple(run.chosen(aggregate) for run in runs)
    return Table(first.labels, first.groups, scores, first.videos, chosen, _contenders(runs))


def _check_same(one: StoredRun, here: Scores, two: StoredRun, there: Scores) -> None:
    variants = one.result.spec.variant, two.result.spec.variant
    if variants[0] != variants[1]:
        raise ResultError(
            f"{one.folder} and {two.folder} saw the videos differently: "
            f"{' and '.join(repr(v or 'as they are') for v in variants)}"
        )
    ours = dict(zip(here.videos, here.labels, strict=True))
    theirs = dict(zip(there.videos, there.labels, strict=True))
    apart = sorted(ours.keys() ^ theirs.keys())
    turned = sorted(video for video in ours.keys() & theirs.keys() if ours[video] != theirs[video])
    if apart:
        raise ResultError(
            f"{one.folder} and {two.folder} were not tested on the same videos: {len(apart)} are "
            f"in one of them only, the first is {'/'.join(apart[0])}"
        )
    if turned:
        raise ResultError(
            f"{one.folder} and {two.folder} disagree on the labels of {len(turned)} videos, the "
            f"first is {'/'.join(turned[0])}"
        )


def _contenders(runs: Sequence[StoredRun]) -> tuple[Contender, ...]:
    places: dict[str, list[int]] = {}
    for number, run in enumerate(runs):
        mine = places.setdefault(_but_for_the_seed(run), [])
        if any(runs[i].result.spec.run_id == run.result.spec.run_id for i in mine):
            raise ResultError(f"{run.folder} is given twice")
        mine.append(number)
    names = [runs[mine[0]].result.spec.model.label for mine in places.values()]
    found: list[Contender] = []
    for name, mine in zip(names, places.values(), strict=True):
        spec = runs[mine[0]].result.spec
        if names.count(name) > 1:  # say what tells them apart
            name = f"{name} ({spec.model.trained_on})"
        if name in [contender.name for contender in found]:
            name = f"{name} {spec.run_id}"
        found.append(Contender(name, tuple(runs[i] for i in mine), tuple(mine)))
    return tuple(found)


def _but_for_the_seed(run: StoredRun) -> str:
    data = run.result.spec.to_json()
    del data["run_id"], data["model_id"], data["seed"]
    if data["model"]["train"] is None:  # weights as they are: the seed changes nothing
        data["alone"] = run.result.spec.run_id
    else:
        del data["model"]["train"]["seed"]
    return json.dumps(data, sort_keys=True)


@dataclass(frozen=True)
class Asked:
    """A metric with what it is computed on. key: as in a result, ``video/f1@val``. inputs [K, N]:
    scores, calibrated scores or decisions of each run."""

    key: str
    card: MetricCard
    inputs: Floats


def ask(table: Table, text: str, cards: Mapping[str, MetricCard]) -> Asked:
    """The metric called ``[video/]NAME[@RULE]``. A decision is by default that at validation's
    threshold, at 0.5 where a run has none.

    Raises OptionError for an unknown metric or rule, or one that a run has not.
    """
    level, slash, rest = text.rpartition("/")
    name, _, rule = rest.partition("@")
    if (slash and level != "video") or name not in cards:
        known = ", ".join(f"video/{card}" for card in sorted(cards))
        raise OptionError(f"--metric {text}: metrics that can be compared are {known}")
    card = cards[name]
    if card.needs == "decisions":
        rule = rule or ("val" if all(c.thresholds for c in table.chosen) else "0.5")
        inputs = [_decided(s, c, rule) for s, c in zip(table.scores, table.chosen, strict=True)]
    elif rule:
        inputs = [_calibrated(s, c, rule) for s, c in zip(table.scores, table.chosen, strict=True)]
    else:
        inputs = list(table.scores)
    return Asked(f"video/{name}" + (f"@{rule}" if rule else ""), card, np.stack(inputs))


def _decided(scores: Floats, chosen: Chosen, rule: str) -> Floats:
    known = {"0.5": 0.5, **chosen.thresholds}
    if rule not in known:
        raise OptionError(f"no threshold @{rule}: these runs have {', '.join(known)}")
    return (scores >= known[rule]).astype(np.float64)


def _calibrated(scores: Floats, chosen: Chosen, rule: str) -> Floats:
    known = chosen.calibrated(scores)
    if rule not in known:
        raise OptionError(f"no scores @{rule}: these runs have {', '.join(known) or 'none'}")
    return known[rule]
