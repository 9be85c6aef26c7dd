from __future__ import annotations
from dataclasses import dataclass
from collections.abc import Mapping

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
