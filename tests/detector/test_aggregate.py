"""From clips to videos: aggregates by hand."""

import numpy as np
import pytest

from dfbench.detector.aggregate import AGGREGATES, aggregate_called
from dfbench.errors import OptionError


def test_aggregates_by_hand():
    scores = np.array([0.1, 0.9, 0.5, 0.7, 0.3, 0.2, 0.6])
    assert AGGREGATES["mean"](scores) == pytest.approx(scores.mean())
    assert AGGREGATES["max"](scores) == 0.9
    assert AGGREGATES["median"](scores) == 0.5
    assert AGGREGATES["top-third"](scores) == pytest.approx(0.8)
    assert AGGREGATES["top-third"](scores[:1]) == 0.1


@pytest.mark.parametrize(
    ("high", "low", "middle", "expected"),
    [
        (13, 19, 0, 0.9),  # more than 11 and more than 2/5 of 32 are sure
        (12, 20, 0, 12 * 0.9 / 32 + 20 * 0.1 / 32),  # 12 > 32 // 2.5 = 12 does not hold
        (0, 30, 2, 0.1),  # more than 9/10 of 32 are surely real
        (0, 28, 4, (28 * 0.1 + 4 * 0.5) / 32),
        (4, 0, 0, 0.9),  # with four clips nothing but the mean is left
    ],
)
def test_the_dfdc_winner_s_strategy(high, low, middle, expected):
    scores = np.r_[np.full(high, 0.9), np.full(low, 0.1), np.full(middle, 0.5)]
    assert AGGREGATES["confident"](scores) == pytest.approx(expected)


def test_an_unknown_aggregate_is_named_with_those_there_are():
    with pytest.raises(OptionError, match=r"mean, max, median, top-third, confident.*'sum'"):
        aggregate_called("sum")
