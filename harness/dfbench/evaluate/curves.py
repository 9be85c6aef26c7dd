"""Curves over all thresholds, from labels [N] (1 = fake) and scores [N] in 0..1 of both classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dfbench.catalogue.records import FAKE

Floats = NDArray[np.float64]


def roc(labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate [K] at every threshold, from (0, 0) to (1, 1). labels: 0 or 1
    [N], both there; scores [N], higher = more fake."""
    fakes, reals = _caught(labels, scores)
    return np.r_[0, reals / reals[-1]], np.r_[0, fakes / fakes[-1]]


def det(labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """False positive and false negative rate at every threshold, both in normal deviates, where
    scores of two normal distributions give a straight line; rates of 0 and 1 are infinite.

    Martin et al., "The DET Curve in Assessment of Detection Task Performance", 1997.
    """
    fpr, tpr = roc(labels, scores)
    return np.asarray(ndtri(fpr), np.float64), np.asarray(ndtri(1 - tpr), np.float64)


def precision_recall(labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """Recall and precision [K] at every threshold, recall rising; a step lies left of its point.
    labels and scores as in ``roc``."""
    fakes, reals = _caught(labels, scores)
    precision = fakes / (fakes + reals)
    return np.r_[0, fakes / fakes[-1]], np.r_[precision[0], precision]


def _caught(labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """How many fakes and reals score at least each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(scores[order])), len(order) - 1]
    fake = np.cumsum(labels[order] == FAKE)[last]
    return fake.astype(np.float64), (last + 1 - fake).astype(np.float64)
