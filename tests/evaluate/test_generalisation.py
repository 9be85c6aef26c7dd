"""From cells to tables: drops between datasets, and what failed."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from outcomes import outcome

from dfbench.evaluate.generalisation import grids, long_csv, table_csv


def test_the_drop_is_over_the_seeds_that_both_have_and_positive_where_it_is_worse():
    cells = [
        outcome("a", "a", 0, 0.9),
        outcome("a", "a", 1, 0.8),
        outcome("a", "b", 0, 0.6),
        outcome("a", "b", 1, None, reason="no memory"),
    ]
    (table,) = grids(cells, "video/auc", True)
    home, away = table.entries["a", "a"], table.entries["a", "b"]
    assert (home.in_domain, home.drop, away.in_domain) == (True, None, False)
    assert home.mean == pytest.approx(0.85)
    assert home.sd == pytest.approx(np.std([0.9, 0.8], ddof=1))
    assert (away.mean, away.sd, away.seeds) == (0.6, None, "1 of 2 seeds")
    assert away.drop == pytest.approx(0.3)
    assert away.lacking == {1: "no memory"}
    (other,) = grids(cells, "video/auc", False)
    assert other.entries["a", "b"].drop == pytest.approx(-0.3)


def test_what_failed_is_never_a_number():
    cells = [outcome("a", "a", 0, 0.9), outcome("a", "b,c", 0, None, reason='lost, "all"')]
    rows = list(csv.reader(long_csv(cells, ["video/auc"]).splitlines()))
    assert rows[2][2:6] == ["b,c", "0", "video/auc", ""]
    assert rows[2][10:12] == ["failed", 'lost, "all"']
    (table,) = csv.DictReader(table_csv(grids(cells, "video/auc", True)).splitlines())
    assert (table["b,c mean"], table["b,c sd"], table["b,c seeds"]) == ("", "", "0")
