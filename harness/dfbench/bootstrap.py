"""How sure a metric is: intervals from drawing whole groups again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
"""Bootstrap draws for an interval."""
_CELLS = 1 << 22  # weights held at once; 32 MB
_BUDGET = 1 << 28  # draws x scores at one level, above which fewer draws are made
_FEWEST = 200


class Bootstrap:
    """95 % percentile intervals from draws of whole groups, with replacement.

    Videos of one person resemble each other; drawing them one by one would make the interval too
    narrow. Every metric of a table sees the same draws.
    """

    def __init__(self, groups: NDArray[np.int64], draws: int, seed: int) -> None:
        self.present, self.groups = np.unique(groups, return_inverse=True)
        self.draws = min(draws, max(_BUDGET // max(len(groups), 1), _FEWEST))
        self.seed = seed

    def weights(self) -> Iterator[NDArray[np.float64]]:
        """How often each sample is drawn, [d, N], in portions that fit into memory."""
        rng = np.random.default_rng(self.seed)
        number = len(self.present)
        step = max(_CELLS // max(len(self.groups), number, 1), 1)
        for begin in range(0, self.draws, step):
            rows = min(step, self.draws - begin)
            drawn = rng.multinomial(number, np.full(number, 1 / number), size=rows)
            yield drawn[:, self.groups].astype(np.float64)

    def interval(
        self, metric: Callable[..., Any], labels: NDArray[np.int64], values: Any, weighted: bool
    ) -> tuple[float | None, float | None]:
        if len(self.present) < 2:
            return None, None  # one group says nothing about how groups differ
        results: list[float] = []
        for weights in self.weights():
            if weighted:
                results += np.asarray(metric(labels, values, weights), np.float64).tolist()
            else:
                results += [_drawn(metric, labels, values, row) for row in weights.astype(np.int64)]
        known = np.array(results)
        known = known[np.isfinite(known)]
        if len(known) < self.draws / 2:
            return None, None  # most draws have one class only
        low, high = np.percentile(known, [2.5, 97.5])
        return float(low), float(high)


def _drawn(
    metric: Callable[..., Any], labels: NDArray[np.int64], values: Any, times: NDArray[np.int64]
) -> float:
    """The metric on one draw; NaN where it raises, as many do when a draw has one class only."""
    try:
        return float(metric(np.repeat(labels, times), np.repeat(values, times)))
    except Exception:  # noqa: BLE001 - the metric itself was computed; this draw has none
        return float("nan")
