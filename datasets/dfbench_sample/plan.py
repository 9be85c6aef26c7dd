"""What is to be made: every video with its person, its method, and whom it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dfbench_sample.drawing.people import PEOPLE, donors, split_of

TAKES = 2  # real videos a person


@dataclass(frozen=True)
class Video:
    """One video. ``take`` numbers the real videos of a person; ``donor`` gives the face of a
    ``warp``; ``copy`` tells two fakes of one original and method apart."""

    seed: int
    person: int
    take: int
    method: str | None = None
    donor: int | None = None
    copy: str = ""

    @property
    def id(self) -> str:
        return f"{self.method or 'real'}/p{self.person:02d}-{self.take}{self.copy}"

    def row(self) -> dict[str, Any]:
        """The video's entry in the manifest."""
        shown = [self.person] if self.donor is None else [self.person, self.donor]
        return {
            "id": self.id,
            "label": int(self.method is not None),
            "split": split_of(self.person),
            "person": f"person-{self.person:02d}",
            "method": self.method,
            "original": Video(self.seed, self.person, self.take).id if self.method else None,
            "donor": None if self.donor is None else f"person-{self.donor:02d}",
            "identities": [f"sample-{self.seed}/person-{number:02d}" for number in shown],
        }


def plan(seed: int, *, control: bool, people: int = PEOPLE) -> list[list[Video]]:
    """The videos, grouped by the original they share; ``people`` fewer ones for a quick look."""
    return [
        _family(seed, person, take, control)
        for person in range(PEOPLE)[-people:]
        for take in range(TAKES)
        if not control or split_of(person) == "test"
    ]


def _family(seed: int, person: int, take: int, control: bool) -> list[Video]:
    real = Video(seed, person, take)
    if control:
        return [real, *(Video(seed, person, take, "reencode", copy=c) for c in "ab")]
    (donor,) = donors(seed, person, take, 1)
    return [real, Video(seed, person, take, "warp", donor), Video(seed, person, take, "flicker")]
