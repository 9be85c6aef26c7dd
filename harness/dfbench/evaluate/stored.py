"""Runs on disk, opened to be looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dfbench.catalogue.records import Prediction
from dfbench.detector.aggregate import AGGREGATES, OWN, Aggregate, aggregate_called
from dfbench.errors import ResultError
from dfbench.evaluate.decide import Chosen, choose
from dfbench.evaluate.scores import Scores, video_scores
from dfbench.results.predictions import read_predictions
from dfbench.results.result import RunResult, load_result
from dfbench.results.truth import truth_of_rows


@dataclass(frozen=True)
class StoredRun:
    """A finished run: its result, and its scores as they were stored."""

    folder: Path
    result: RunResult

    @cached_property
    def rows(self) -> list[Prediction]:
        """``predictions.csv``. Raises ResultError."""
        return read_predictions(self.folder)

    @cached_property
    def truth(self) -> str:
        """What the scores say of the test videos, see ``truth``. Raises ResultError."""
        return truth_of_rows(self.rows)

    @cached_property
    def validated(self) -> list[Prediction] | None:
        """The scores on validation that thresholds and calibration are chosen on, if any: the
        model's, or those that an imported run brought itself."""
        for folder in (self.folder, self.folder.parent.parent):
            if (folder / "validation.csv").is_file():
                return read_predictions(folder / "validation.csv")
        return None

    def scores(self, aggregate: str | None = None) -> Scores:
        """Video scores, as the run's spec says, or by another aggregate."""
        return self._videos(self.rows, aggregate, self.result.spec.clips_a_person)

    def validation(self, aggregate: str | None = None) -> Scores | None:
        """Video scores on validation; None where there was none."""
        rows = self.validated
        return None if rows is None else self._videos(rows, aggregate, None)

    def chosen(self, aggregate: str | None = None) -> Chosen:
        """Thresholds and calibration by the scores on validation."""
        return choose(self.validation(aggregate))

    def aggregate(self, name: str | None = None) -> Aggregate:
        """The function called ``name``, by default the run's own. Raises ResultError when only
        the detector's code knows it and that is not here, OptionError for an unknown name."""
        name = name or self.result.spec.aggregate
        return aggregate_called(name) if name in AGGREGATES or name != OWN else self._own

    @cached_property
    def _own(self) -> Aggregate:
        from dfbench.catalogue.plugins import open_catalogue
        from dfbench.detector.network import build_detector

        spec = self.result.spec.model
        _, card = open_catalogue().detector(spec.detector)
        return build_detector(card, dict(spec.options)).aggregate

    def _videos(
        self, rows: list[Prediction], aggregate: str | None, clips_a_person: int | None
    ) -> Scores:
        on_missing = self.result.spec.on_missing
        return video_scores(rows, self.aggregate(aggregate), on_missing, clips_a_person)


def open_run(text: str, runs: Path) -> StoredRun:
    """The run that ``text`` names: its folder, its ``result.json``, or the beginning of its id,
    which is then looked for below ``runs``.

    Raises ResultError when there is none, several, or one that has not finished.
    """
    folder = _folder(text, runs)
    result = load_result(folder)
    if result.status != "finished":
        raise ResultError(f"{folder} has failed ({result.error}): there are no scores to use")
    return StoredRun(folder, result)


def _folder(text: str, runs: Path) -> Path:
    path = Path(text)
    if path.name == "result.json":
        path = path.parent
    if path.is_dir():
        return path
    found = sorted(_called(text, runs)) if text and "/" not in text else []
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(folder.name for folder in found[:5])
        raise ResultError(f"{text!r} is the beginning of several runs' ids: {ids}")
    raise ResultError(
        f"{text!r} is no folder of a run, and no run below {runs} has an id that begins so"
    )


def _called(text: str, runs: Path) -> Iterator[Path]:
    for file in runs.rglob("result.json"):
        if file.parent.name.startswith(text):
            yield file.parent
