"""Scores that mean what they say: calibration, always fitted on validation.

Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2 (temperature); Zadrozny &
Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", 2002
(isotonic).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dfbench.evaluate.scores import Scores

Floats = NDArray[np.float64]
Knots = tuple[tuple[float, ...], tuple[float, ...]]
"""Scores, rising, and what each means; between two of them a straight line."""
COLDEST, HOTTEST = 0.01, 100.0
"""Validation without a single mistake would ask for a temperature of 0."""
_TINY = np.finfo(np.float64).eps


def logit(scores: Floats) -> Floats:
    """log(s / (1 - s)) of scores in 0..1, the ends kept away from by machine precision."""
    kept = np.clip(scores, _TINY, 1 - _TINY)
    return np.asarray(np.log(kept) - np.log1p(-kept), np.float64)


def apply_temperature(scores: Floats, temperature: float) -> Floats:
    """sigmoid(logit(score) / temperature): above 1 less sure, below 1 more; 0.5 stays."""
    if temperature == 1.0:
        return scores
    return np.asarray(expit(logit(scores) / temperature), np.float64)


def fit_temperature(scores: Scores) -> float:
    """The temperature that makes the labels most likely, within COLDEST..HOTTEST."""
    from scipy.optimize import minimize_scalar

    steps, sign = logit(scores.scores), np.where(scores.labels == 1, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -sign * steps * np.exp(-log_temperature)).mean())

    # The loss is convex in 1 / T, so it has one valley, whichever way T is counted.
    found = minimize_scalar(
        loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-10}
    )
    return float(np.exp(found.x))


def fit_isotonic(scores: Scores) -> Knots:
    """The rising function nearest to the labels in the mean square, as knots."""
    from scipy.optimize import isotonic_regression

    levels, place = np.unique(scores.scores, return_inverse=True)
    number = np.bincount(place)
    fakes = np.bincount(place, scores.labels)
    means = isotonic_regression(fakes / number, weights=number).x
    # Inside a level stretch nothing is lost by leaving knots out.
    flat = np.r_[False, (means[1:-1] == means[:-2]) & (means[1:-1] == means[2:]), False]
    kept = ~flat[: len(means)]
    return tuple(levels[kept].tolist()), tuple(means[kept].tolist())


def apply_isotonic(scores: Floats, knots: Knots) -> Floats:
    """Scores through the knots; beyond the first and the last one theirs hold."""
    return np.asarray(np.interp(scores, *knots), np.float64)


def reliability(
    labels: NDArray[np.int64], scores: Floats, bins: int = 15
) -> list[tuple[float, float, int]]:
    """Mean score, share of fakes and number of videos in each of ``bins`` equal parts of 0..1 that
    is not empty. labels: 0 or 1 [N]; scores: 0..1 [N]."""
    part = np.minimum((scores * bins).astype(np.int64), bins - 1)
    number = np.bincount(part, minlength=bins)
    score = np.bincount(part, scores, minlength=bins)
    fake = np.bincount(part, labels, minlength=bins)
    return [
        (score[b] / number[b], fake[b] / number[b], int(number[b])) for b in np.flatnonzero(number)
    ]
