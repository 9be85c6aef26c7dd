"""What is chosen on validation and then carried to every test set: thresholds and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.records import FAKE, REAL
from dfbench.errors import OptionError
from dfbench.evaluate.calibrate import (
    Knots,
    apply_isotonic,
    apply_temperature,
    fit_isotonic,
    fit_temperature,
)
from dfbench.evaluate.scores import CHANCE, Scores

Floats = NDArray[np.float64]
RULES = ("val", "f1", "fpr1", "fpr5", "fpr10")
"""How a threshold is chosen on validation: by Youden's J, by the best F1, or as the lowest one at
which no more than 1, 5, 10 % of the real videos are called fake."""


@dataclass(frozen=True)
class Chosen:
    """thresholds: by rule. temperature, isotonic: None without a validation set of both classes."""

    thresholds: Mapping[str, float] = field(default_factory=dict)
    temperature: float | None = None
    isotonic: Knots | None = None

    def to_json(self) -> dict[str, Any]:
        return {} if self.temperature is None else asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Chosen:
        """What ``RunResult.chosen`` holds."""
        isotonic = data.get("isotonic")
        return cls(
            dict(data.get("thresholds", {})),
            data.get("temperature"),
            None if isotonic is None else (tuple(isotonic[0]), tuple(isotonic[1])),
        )

    def calibrated(self, scores: Floats) -> dict[str, Floats]:
        """The scores in each calibration there is."""
        found = {}
        if self.temperature is not None:
            found["temperature"] = apply_temperature(scores, self.temperature)
        if self.isotonic is not None:
            found["isotonic"] = apply_isotonic(scores, self.isotonic)
        return found


def choose(validation: Scores | None, rules: Sequence[str] = RULES) -> Chosen:
    """Everything that is chosen on ``validation``, video scores: a threshold by each of ``rules``,
    and calibration. Nothing where it is None or has videos of one class only."""
    if validation is None or len(np.unique(validation.labels)) < 2:
        return Chosen()
    return Chosen(
        {rule: choose_threshold(validation, rule) for rule in rules},
        fit_temperature(validation),
        fit_isotonic(validation),
    )


def choose_threshold(scores: Scores, rule: str = "val") -> float:
    """The threshold that ``rule`` chooses: one of ``RULES``, or ``fprX`` for a false positive rate
    of X % at most. A video is called fake when its score is at least the threshold.

    It lies halfway between two neighbouring scores; of equally good ones the nearest to 0.5 is
    taken. Raises OptionError for another rule.
    """
    levels = np.unique(scores.scores)
    # Above 1 nothing is called fake, not even a score of 1.
    candidates = np.r_[0.0, (levels[1:] + levels[:-1]) / 2, 1.0, np.nextafter(1.0, 2.0)]
    fake = np.sort(scores.scores[scores.labels == FAKE])
    real = np.sort(scores.scores[scores.labels == REAL])
    caught = len(fake) - np.searchsorted(fake, candidates).astype(np.float64)
    alarms = len(real) - np.searchsorted(real, candidates).astype(np.float64)
    merit = _merit(rule, caught, alarms, len(fake), len(real))
    best = candidates[np.isclose(merit, merit.max(), rtol=0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best - CHANCE))])


def _merit(rule: str, caught: Any, alarms: Any, fakes: int, reals: int) -> Floats:
    """How good each candidate is, of ``caught`` fakes and ``alarms`` among the reals."""
    tpr, fpr = caught / max(fakes, 1), alarms / max(reals, 1)
    if rule == "val":
        return np.asarray(tpr - fpr, np.float64)
    if rule == "f1":
        return np.asarray(2 * caught / np.maximum(fakes + caught + alarms, 1), np.float64)
    return np.where(fpr <= allowed(rule) + 1e-12, tpr, -1.0)


def check_rule(rule: str) -> None:
    """Raise OptionError unless thresholds can be chosen by ``rule``."""
    if rule not in ("val", "f1"):
        allowed(rule)


def allowed(rule: str) -> float:
    """The false positive rate that a rule ``fprX`` allows, 0..1. Raises OptionError."""
    try:
        share = float(rule.removeprefix("fpr")) / 100
    except ValueError:
        share = -1.0
    if not rule.startswith("fpr") or not 0 <= share < 1:
        raise OptionError(
            f"a threshold is chosen by val, f1 or fprX (X % false positives), not {rule!r}"
        )
    return share
