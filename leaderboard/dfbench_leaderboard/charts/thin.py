"""Fewer points for a line that looks the same."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST = 48


def thinned(x: Floats, y: Floats, tolerance: float, most: int = MOST) -> list[int]:
    """Places of the points to keep, rising: the ends, and whichever lies farthest from the line so
    far, until none is more than ``tolerance`` off or ``most`` are kept.

    Douglas & Peucker, "Algorithms for the reduction of the number of points required to represent
    a digitized line", 1973, farthest first.
    """
    kept = {0, len(x) - 1}
    waiting: list[tuple[float, int, int, int]] = []

    def look_between(start: int, end: int) -> None:
        if end - start > 1:
            far, place = _farthest(x[start : end + 1], y[start : end + 1])
            if far > tolerance:
                heappush(waiting, (-far, start, start + place, end))

    look_between(0, len(x) - 1)
    while waiting and len(kept) < most:
        _, start, place, end = heappop(waiting)
        kept.add(place)
        look_between(start, place)
        look_between(place, end)
    return sorted(kept)


def _farthest(x: Floats, y: Floats) -> tuple[float, int]:
    """From the line between the first and the last point: how far, and which."""
    import numpy as np

    run, rise = x[-1] - x[0], y[-1] - y[0]
    long = np.hypot(run, rise)
    off = (
        np.hypot(x - x[0], y - y[0])
        if long == 0
        else np.abs(rise * (x - x[0]) - run * (y - y[0])) / long
    )
    place = int(off.argmax())
    return float(off[place]), place
