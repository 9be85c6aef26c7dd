"""Numbers that papers report, with their sources. They are never ranked with what was measured."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class QuotedRow:
    """What one source says of one detector, trained and tested in one way.

    year: of the source. protocol, train, test, init: in the source's own words. kind: ``frame`` or
    ``temporal``. level: what one score is of, ``frame``, ``clip`` or ``video``. metrics: by name.
    """

    source: str
    citation: str
    url: str
    year: int
    protocol: str
    train: str
    test: str
    detector: str
    kind: str
    init: str
    level: str
    metrics: Mapping[str, float] = field(default_factory=dict)


@cache
def quoted() -> tuple[QuotedRow, ...]:
    """All of ``published.csv``, in its order."""
    sources = {row["source"]: row for row in _rows("sources.csv")}
    together: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for row in _rows("published.csv"):
        metric, value = row.pop("metric"), float(row.pop("value"))
        together.setdefault(tuple(row.items()), {})[metric] = value
    return tuple(
        QuotedRow(**_fields(dict(facts), sources), metrics=metrics)
        for facts, metrics in together.items()
    )


def _fields(facts: Mapping[str, str], sources: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    source = sources[facts["source"]]
    return {**facts, **source, "year": int(source["year"])}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("dfbench_leaderboard").joinpath(name).read_text("utf-8")
    yield from csv.DictReader(text.splitlines())
