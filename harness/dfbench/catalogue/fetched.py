"""What a tracking server gave back. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fetched:
    """A run of a tracking server. folder: where its files now lie, or None, and ``reason`` says why
    there are none. source: where it is from, for people, without any password."""

    folder: Path | None
    source: str
    reason: str = ""
