from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class QuotedRow:
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
    metrics: Mapping[str, float]

def quoted() -> tuple[QuotedRow, ...]:
    return ()
