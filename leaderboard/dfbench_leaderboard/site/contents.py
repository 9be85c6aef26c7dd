"""What a site is made of: entries, ranked, and the names of their pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from dfbench import safe_name
from dfbench.results import RunSpec
from dfbench_leaderboard.rows.entries import Entry
from dfbench_leaderboard.rows.found import LeftOut
from dfbench_leaderboard.rows.rank import Contest, Ranked, rank

METRICS = {
    "video/auc": "AUC",
    "video/average_precision": "AP",
    "video/f1": "F1",
    "video/accuracy": "accuracy",
    "video/precision": "precision",
    "video/recall": "recall",
    "video/eer": "EER",
    "video/log_loss": "log loss",
    "video/ece": "ECE",
    "frame/auc": "AUC per frame",
    "clip/auc": "AUC per clip",
}
"""Metrics of the table and their headings."""
LONGEST_SLUG = 60


@dataclass(frozen=True)
class Contents:
    """entries: of all tests, perturbed ones as well. metric: what they are ranked by."""

    metric: str
    higher_is_better: bool
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
    searched: tuple[str, ...]

    @cached_property
    def contests(self) -> dict[Contest, list[Ranked]]:
        """Of the tests as they are; what perturbed ones say is the robustness charts' to show."""
        clean = [entry for entry in self.entries if not entry.spec.variant]
        return rank(clean, self.metric, self.higher_is_better)

    @property
    def pages(self) -> dict[str, list[tuple[str, str]]]:
        """Names and pages of all detectors and test sets."""
        detectors = sorted({entry.spec.model.detector for entry in self.entries})
        tests = sorted({entry.spec.test.label for entry in self.entries})
        return {
            "detectors": [(name, detector_page(name)) for name in detectors],
            "datasets": [(label, dataset_page(label)) for label in tests],
        }


def run_page(spec: RunSpec) -> str:
    return f"runs/{spec.run_id}.html"


def detector_page(name: str) -> str:
    return f"detectors/{slug(name)}.html"


def dataset_page(label: str) -> str:
    return f"datasets/{slug(label)}.html"


def slug(name: str) -> str:
    """A file name for ``name``; two names never share one."""
    plain = safe_name(name)
    if plain == name and len(name) <= LONGEST_SLUG and plain.isascii() and plain.lower() == plain:
        return plain
    # Folders of some systems take two names that differ in case for one.
    return f"{plain[:LONGEST_SLUG].lower()}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def input_kind(spec: RunSpec) -> str:
    """What a detector looks at: single frames, or how they follow one another. Of scores that came
    from elsewhere only their level is known."""
    if spec.model.imported:
        return str(spec.model.options.get("level", ""))
    if spec.model.made_elsewhere:
        return ""
    return "frame" if spec.model.clip.frames == 1 else "temporal"
