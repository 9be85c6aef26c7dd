"""A protocol: a matrix that is fixed once and for all, and what was published of it.

``protocol_file`` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dfbench.evaluate.published import Quoted
from dfbench.matrix.cells import Part
from dfbench.running.request import Request


@dataclass(frozen=True)
class Entrant:
    """A detector of a protocol. detector: its label with options; trains: see ``cells.Part``."""

    title: str
    detector: str
    trains: tuple[str, ...]
    settings: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The content of the file, checked. digest: 12 hex digits over what it says, whatever its
    layout and comments; runs carry it."""

    name: str
    digest: str
    summary: str
    paper: str
    note: str
    entrants: tuple[Entrant, ...]
    trains: tuple[str, ...]
    tests: tuple[str, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    settings: Mapping[str, Any]
    quoted: tuple[Quoted, ...]

    @property
    def label(self) -> str:
        """``name@digest``, as it stands in a run's spec."""
        return f"{self.name}@{self.digest}"

    def told(self) -> dict[str, Any]:
        """For ``dfbench show``."""
        detectors = [
            {
                "": e.title,
                "is": e.detector,
                "trained on": ", ".join(e.trains),
                **e.settings,
                "note": e.note,
            }
            for e in self.entrants
        ]
        return {
            "hash": self.digest,
            "paper": self.paper,
            "note": " ".join(self.note.split()),
            "detectors": detectors,
            "train": self.trains,
            "test": self.tests,
            "seeds": self.seeds,
            "metrics": self.metrics,
            "settings": dict(self.settings),
            "published": [{"": q.detector, **asdict(q)} for q in self.quoted],
        }

    def parts(self, **machine: Any) -> list[Part]:
        """The matrix it asks for; ``machine``: fields of a request that say where and how."""
        return [
            Part(
                entrant.title,
                Request(
                    detector=entrant.detector,
                    train=None,
                    tests=self.tests,
                    protocol=self.label,
                    **{**machine, **self.settings, **entrant.settings},
                ),
                entrant.trains,
            )
            for entrant in self.entrants
        ]
