"""Names beside points, so that none covers another or a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dfbench_leaderboard.charts.svg import width_of

AWAY = 7.0  # of a name from the middle of its point


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: Box) -> float:
        """The area that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0) * max(high, 0)

    def within(self, other: Box) -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def place_labels(
    texts: Sequence[str],
    points: Sequence[tuple[float, float]],
    taken: Sequence[Box],
    frame: Box,
    size: float,
) -> list[Box | None]:
    """Where each text goes, the first ones first: right, left, above, below or at a corner of its
    point, whichever covers least; None where each place covers a tenth of it or more."""
    taken = [*taken, *(Box(x - 5, y - 5, x + 5, y + 5) for x, y in points)]
    found: list[Box | None] = []
    for text, (x, y) in zip(texts, points, strict=True):
        boxes = [box for box in _around(x, y, width_of(text, size), size + 3) if box.within(frame)]
        costs = [sum(box.shared(other) for other in taken) for box in boxes]
        best = min(range(len(boxes)), key=costs.__getitem__, default=None)
        if best is None or costs[best] > 0.1 * width_of(text, size) * size:
            found.append(None)
        else:
            found.append(boxes[best])
            taken.append(boxes[best])
    return found


def _around(x: float, y: float, wide: float, high: float) -> list[Box]:
    lefts = (x + AWAY, x - AWAY - wide, x - wide / 2)
    middle = y - high / 2
    corners = [
        (lefts[0], middle),
        (lefts[1], middle),
        (lefts[2], y - AWAY - high),
        (lefts[2], y + AWAY),
        (lefts[0], y - high - 3),
        (lefts[0], y + 3),
        (lefts[1], y - high - 3),
        (lefts[1], y + 3),
    ]
    return [Box(left, top, left + wide, top + high) for left, top in corners]
