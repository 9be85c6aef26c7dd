"""A run where it was found, or why it is in no table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LeftOut:
    """A run that is in no table. rejected: it has ended and claims a result that does not hold."""

    source: str
    reason: str
    rejected: bool = False


@dataclass(frozen=True)
class Found:
    """A folder with a run in it. source: where it is from, for people."""

    folder: Path
    source: str
