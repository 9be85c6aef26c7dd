"""A cell of a matrix, done or failed, without the run."""

from __future__ import annotations

from dfbench.evaluate.generalisation import Outcome
from dfbench.results.result import MetricValue


def outcome(train, test, seed, value, name="video/auc", reason=""):
    class Stored:
        metrics = (MetricValue(name=name, value=value),)

    return Outcome("net", train, test, seed, None if reason else Stored(), reason)
