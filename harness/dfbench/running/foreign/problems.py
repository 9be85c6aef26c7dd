"""What is wrong with the rows of a file, gathered so that all of it can be said at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dfbench.running.foreign.score_file import ScoreRow

EXAMPLES = 3


@dataclass
class Problems:
    """By what they are: examples in the order of the file. lost: rows that are left out."""

    found: dict[str, list[str]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, row: ScoreRow, detail: str = "") -> None:
        self.found.setdefault(what, []).append(f"line {row.line}: {detail or row.video}")

    def lines(self) -> list[str]:
        return [
            f"{len(all_)} {what} ({'; '.join(all_[:EXAMPLES])}{'; …' * (len(all_) > EXAMPLES)})"
            for what, all_ in self.found.items()
        ]

    def left_out(self) -> list[str]:
        return [f"{number} rows were left out: they {what}" for what, number in self.lost.items()]
