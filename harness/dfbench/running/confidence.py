"""How far a detector's decisions can be trusted, clip by clip: what is asked for, the file it is
written to, and what it says of a run. It changes no score, so it stands beside a run, not in its
spec. The values come from ``attribution``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dfbench.catalogue.names import fill_options, parse_name
from dfbench.catalogue.records import Prediction
from dfbench.errors import OptionError, ResourceError, ResultError

COLUMNS = ("dataset", "video", "clip", "confidence")
_ABC: dict[str, int | float] = {"samples": 100, "steps": 50, "features": 1.0, "clips": 0}


@dataclass(frozen=True)
class Abc:
    """Attribution-based confidence; see ``running.attribution``.

    samples: neighbours of a clip that are looked at. steps: of integrated gradients. features: how
    many input values a neighbour has at the baseline on average; 1 is the paper's. clips: at most
    that many a video, evenly spread; 0 = all.
    """

    samples: int
    steps: int
    features: float
    clips: int

    @property
    def label(self) -> str:
        """``abc``, or ``abc:samples=20``: what a user types to get it."""
        given = ",".join(f"{k}={v:g}" for k, v in asdict(self).items() if v != _ABC[k])
        return f"abc:{given}" if given else "abc"


def asked(text: str) -> Abc:
    """``abc[:key=value,…]``. Raises OptionError, and ResourceError where captum is lacking."""
    name, raw = parse_name(text)
    if name != "abc":
        raise OptionError(f"--confidence is abc[:key=value,…], not {name!r}")
    found: Any = fill_options("--confidence abc", _ABC, raw)
    whole = found["samples"] > 0 and found["steps"] > 0 and found["clips"] >= 0
    if not (whole and 0 < found["features"] < float("inf")):
        raise OptionError(
            f"--confidence {text}: samples and steps are at least 1, features above 0, clips not "
            "below 0"
        )
    if find_spec("captum") is None:
        raise ResourceError(
            '--confidence abc needs captum: pip install "deepfake-bench[attribution]"'
        )
    return Abc(**found)


@dataclass(frozen=True, slots=True)
class Confidence:
    """One row of ``confidence.csv``. confidence: 0..1, of the decision at 0.5 on this clip."""

    dataset: str
    video: str
    clip: int
    confidence: float


def as_csv(rows: Iterable[Confidence], header: bool = False) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows((row.dataset, row.video, row.clip, repr(row.confidence)) for row in rows)
    return text.getvalue()


def read_confidences(path: Path) -> list[Confidence]:
    """Raises ResultError for a file that does not hold."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            return [
                Confidence(row["dataset"], row["video"], int(row["clip"]), float(row["confidence"]))
                for row in reader
            ]
    except OSError as error:
        raise ResultError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{path} is damaged ({error!r}): remove it and run again") from error


def summary(confidences: Sequence[Confidence], rows: Sequence[Prediction]) -> dict[str, Any]:
    """What confidence is worth here: its mean where the decision at 0.5 is right and where it is
    wrong, how often it is each, and the AUC of "the decision is right" by confidence, 0.5 = it
    tells nothing. None where there is no such clip."""
    scores = {(row.dataset, row.video, row.clip): row for row in rows if row.score is not None}
    pairs = [
        (one.confidence, (row.score or 0) >= 0.5, row.label == 1)
        for one in confidences
        if (row := scores.get((one.dataset, one.video, one.clip)))
    ]
    values = np.array([value for value, _, _ in pairs])
    right = np.array([decided == fake for _, decided, fake in pairs], bool)
    auc = None
    if 0 < right.sum() < len(right):
        from dfbench.evaluate.delong import components  # SciPy's import takes longer than a look

        auc = float(components(right.astype(np.int64), values[None]).aucs[0])
    return {
        "clips": len(pairs),
        "right": int(right.sum()),
        "wrong": int((~right).sum()),
        "mean_right": float(values[right].mean()) if right.any() else None,
        "mean_wrong": float(values[~right].mean()) if (~right).any() else None,
        "auc_right": auc,
    }
