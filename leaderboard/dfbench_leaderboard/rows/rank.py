"""Who is compared with whom, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dfbench.results import MetricValue
from dfbench_leaderboard.rows.entries import Entry


@dataclass(frozen=True, order=True)
class Contest:
    """What entries must share to be ranked together: the very same test videos (``fingerprint``),
    perturbed and counted the same way, and the same kind of model."""

    test: str
    variant: str
    kind: str
    on_missing: str
    fingerprint: str
    videos: int

    @classmethod
    def of(cls, entry: Entry) -> Contest:
        spec = entry.spec
        return cls(
            spec.test.label,
            spec.variant,
            entry.kind,
            spec.on_missing,
            spec.test.fingerprint,
            spec.test.videos,
        )


@dataclass(frozen=True)
class Ranked:
    """rank: from 1, equal values share one; None where the metric does not exist.

    tied: not rank 1, but the interval overlaps that of the best one, so the data do not clearly
    tell the two apart. (They may still: a paired test on the same videos sees more.)
    """

    entry: Entry
    value: MetricValue | None
    rank: int | None
    tied: bool


def rank(
    entries: Iterable[Entry], metric: str, higher_is_better: bool
) -> dict[Contest, list[Ranked]]:
    """Contests in the order of their names, each with its entries, best first."""
    contests: dict[Contest, list[Entry]] = {}
    for entry in entries:
        contests.setdefault(Contest.of(entry), []).append(entry)
    return {
        contest: _rank(contests[contest], metric, higher_is_better) for contest in sorted(contests)
    }


def _rank(entries: list[Entry], metric: str, higher_is_better: bool) -> list[Ranked]:
    sign = -1 if higher_is_better else 1
    valued = [(entry, entry.value(metric)) for entry in entries]

    def order(pair: tuple[Entry, MetricValue | None]) -> tuple[bool, float, str, int, str]:
        number, spec = _number(pair[1]), pair[0].spec
        known = (True, 0.0) if number is None else (False, sign * number)
        return (*known, spec.model.label, spec.seed, spec.run_id)

    ranked: list[Ranked] = []
    for place, (entry, value) in enumerate(sorted(valued, key=order), start=1):
        number = _number(value)
        if number is None:
            ranked.append(Ranked(entry, value, None, False))
            continue
        same = bool(ranked) and _number(ranked[-1].value) == number
        at = ranked[-1].rank if same else place
        ranked.append(Ranked(entry, value, at, at != 1 and _overlap(value, ranked[0].value)))
    return ranked


def _number(value: MetricValue | None) -> float | None:
    return None if value is None else value.value


def _overlap(one: MetricValue | None, two: MetricValue | None) -> bool:
    if one is None or two is None:
        return False
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return False
    return one.low <= two.high and two.low <= one.high
