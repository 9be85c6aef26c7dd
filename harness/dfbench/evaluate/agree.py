"""How alike detectors decide: of real and of fake videos apart, since the label alone makes even
unlike detectors agree on all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.records import FAKE, REAL
from dfbench.evaluate.contenders import Table
from dfbench.evaluate.delong import midranks

Floats = NDArray[np.float64]
MEASURES: Mapping[str, str] = {
    "spearman": "rank correlation of scores",
    "pearson": "correlation of scores",
    "same": "share of equal decisions",
    "kappa": "equal decisions beyond chance (Cohen's kappa)",
}


@dataclass(frozen=True)
class Agreement:
    """Matrices [K, K] of K runs by measure, on a part of the videos (``all``, ``real``, ``fake``).
    NaN where a measure does not exist, as for a run with one score for all."""

    part: str
    videos: int
    matrices: Mapping[str, Floats]


def agreement(table: Table) -> list[Agreement]:
    """Agreement on all videos, on the real ones, on the fakes. Decisions are each run's own, at
    validation's threshold, at 0.5 without one."""
    at = [chosen.thresholds.get("val", 0.5) for chosen in table.chosen]
    called = (table.scores >= np.array(at)[:, None]).astype(np.float64)
    parts = {"all": slice(None), "real": table.labels == REAL, "fake": table.labels == FAKE}
    return [_part(name, table.scores[:, which], called[:, which]) for name, which in parts.items()]


def _part(name: str, scores: Floats, called: Floats) -> Agreement:
    same = np.array(
        [[(one == two).mean() if one.size else np.nan for two in called] for one in called]
    )
    by_chance = np.array([[_by_chance(one, two) for two in called] for one in called])
    return Agreement(
        name,
        scores.shape[1],
        {
            "spearman": _correlation(midranks(scores)),
            "pearson": _correlation(scores),
            "same": same,
            "kappa": np.where(
                by_chance < 1,
                (same - by_chance) / np.where(by_chance < 1, 1 - by_chance, 1),
                np.nan,
            ),
        },
    )


def _correlation(rows: Floats) -> Floats:
    if rows.shape[1] < 2:
        return np.full((len(rows), len(rows)), np.nan)
    with np.errstate(invalid="ignore"):
        return np.atleast_2d(np.corrcoef(rows))


def _by_chance(one: Floats, two: Floats) -> float:
    """How often two would decide alike if they only called as many fake as they do."""
    if not one.size:
        return float("nan")
    return float(one.mean() * two.mean() + (1 - one.mean()) * (1 - two.mean()))
