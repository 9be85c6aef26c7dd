"""How sure an AUC is, and the difference of two on the same videos, in closed form.

DeLong, DeLong & Clarke-Pearson, "Comparing the Areas under Two or More Correlated ROC Curves",
1988, fast by midranks after Sun & Xu, 2014. Where videos of one person resemble each other, what
they contribute is added up first: Obuchowski, "Nonparametric Analysis of Clustered ROC Curve Data",
1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from dfbench.catalogue.records import FAKE, REAL

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """The AUCs [K] of K detectors on the same videos, and what each video says of them.

    fake [K, F]: the share of the reals below each fake, ties counting half. real [K, R]: the share
    of the fakes above each real. The mean of either is the AUC.
    """

    aucs: Floats
    fake: Floats
    real: Floats


def components(labels: NDArray[np.int64], scores: Floats) -> Components:
    """Structural components of scores [K, N]. Raises ValueError unless both classes are there."""
    fakes, reals = scores[:, labels == FAKE], scores[:, labels == REAL]
    number, others = fakes.shape[1], reals.shape[1]
    if not number or not others:
        raise ValueError("an AUC needs real and fake videos")
    ranks = midranks(np.concatenate([fakes, reals], axis=1))
    below = (ranks[:, :number] - midranks(fakes)) / others
    above = 1 - (ranks[:, number:] - midranks(reals)) / number
    return Components(below.mean(axis=1), below, above)


def midranks(scores: Floats) -> Floats:
    """Ranks [K, N] within each row of scores [K, N], from 1; equal ones share the mean of theirs.
    SciPy's ``rankdata``, without the seconds that importing ``scipy.stats`` takes."""
    ranks = np.empty_like(scores, np.float64)
    for row, out in zip(scores, ranks, strict=True):
        _, which, counts = np.unique(row, return_inverse=True, return_counts=True)
        out[:] = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return ranks


def covariance(parts: Components) -> Floats:
    """Covariance [K, K] of the AUCs, each video for itself (DeLong). NaN with one of a class."""
    fake, real = (_spread(part) for part in (parts.fake, parts.real))
    return fake + real


def grouped_covariance(
    parts: Components, labels: NDArray[np.int64], groups: NDArray[np.int64]
) -> Floats:
    """Covariance [K, K] of the AUCs where videos of a group may be alike (Obuchowski, equations 3
    to 5). With a group a video it is DeLong's. NaN with one group of a class."""
    number = int(groups.max()) + 1
    centre = parts.aucs[:, None]
    fake = _summed(parts.fake - centre, groups[labels == FAKE], number)
    real = _summed(parts.real - centre, groups[labels == REAL], number)
    fakes, reals = parts.fake.shape[1], parts.real.shape[1]
    every = len(np.unique(groups))
    both = _small(every) * fake @ real.T / (fakes * reals)
    return np.asarray(
        _small(len(np.unique(groups[labels == FAKE]))) * fake @ fake.T / fakes**2
        + _small(len(np.unique(groups[labels == REAL]))) * real @ real.T / reals**2
        + both
        + both.T
    )


def p_value(difference: float, variance: float, freedom: float | None = None) -> float:
    """Two-sided p-value of "no difference", by the normal distribution, or by t with ``freedom``
    degrees. Without any variance it is 1 for no difference and 0 for one."""
    if np.isnan(variance):
        return float("nan")
    if variance <= 1e-300:
        return 1.0 if abs(difference) < 1e-12 else 0.0
    size = -abs(difference) / np.sqrt(variance)
    return float(2 * (ndtr(size) if freedom is None else stdtr(freedom, size)))


def _spread(part: Floats) -> Floats:
    """Covariance [K, K] of the means of [K, n]."""
    number = part.shape[1]
    if number < 2:
        return np.full((len(part), len(part)), np.nan)
    return np.asarray(np.atleast_2d(np.cov(part)) / number, np.float64)


def _summed(part: Floats, groups: NDArray[np.int64], number: int) -> Floats:
    """Sums [K, G] of [K, n] over the groups."""
    return np.stack([np.bincount(groups, row, minlength=number) for row in part])


def _small(groups: int) -> float:
    return groups / (groups - 1) if groups > 1 else float("nan")
