"""Send one run, as it lies on disk, to MLflow."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dfbench.errors import DfbenchError, TrackingError
from dfbench.result import RunResult, read_predictions
from dfbench_mlflow import names
from dfbench_mlflow.place import Place, answering_soon, quietly, without_password

OWN = ("spec.json", "result.json", "predictions.csv", "videos.csv", "mistakes.jpg")
"""Files of a run's folder that are kept with it."""
SENT = "dfbench.result_sha256"
"""Tag set last: a run without it was broken off while it was being sent."""


@dataclass(frozen=True)
class Files:
    """Where the parts of a run lie. model: the model's folder, None for a run copied out of it."""

    run: Path
    model: Path | None
    out: Path

    @classmethod
    def of(cls, result: RunResult, folder: Path) -> Files:
        run = folder.resolve()
        if run.parent.parent.name == result.spec.model.model_id and len(run.parents) > 4:
            return cls(run, run.parent.parent, run.parents[4])
        return cls(run, None, run.parent)

    def in_model(self, name: str) -> Path | None:
        path = self.model / name if self.model else None
        return path if path and path.is_file() else None

    def artifacts(self) -> list[Path]:
        own = [self.run / name for name in OWN]
        shared = [self.in_model(name) for name in ("train.json", "log.jsonl")]
        return [path for path in (*own, *shared) if path and path.is_file()]


def send(result: RunResult, folder: Path) -> str:
    """Send a finished or failed run; the line to show for it.

    A run that is there already is left alone, one of the same id but another result is replaced.
    Raises TrackingError, saying how to send it later, when MLflow does not take it.
    """
    files = Files.of(result, folder)
    place = Place.choose(files.out)
    try:
        with quietly(), place.client() as client:
            return _Sending(client, place, result, files).go()
    except _problems() as error:
        raise TrackingError(
            f"{place.shown} did not take the run ({_reason(error)}); the run is safe on disk, "
            f"dfbench track {folder} sends it later"
        ) from error


class _Sending:
    def __init__(self, client: Any, place: Place, result: RunResult, files: Files) -> None:
        self.client, self.place, self.result, self.files = client, place, result, files
        self.digest = hashlib.sha256((files.run / "result.json").read_bytes()).hexdigest()
        self.lacks: list[str] = []

    def go(self) -> str:
        spec = self.result.spec
        experiment_id = self._experiment(names.experiment(spec))
        before = self.client.search_runs(
            [experiment_id], f"tags.`dfbench.run_id` = '{spec.run_id}'"
        )
        there = [run for run in before if run.data.tags.get(SENT) == self.digest]
        if there:
            return self._line("is in MLflow already", there[0].info)
        started, ended = (
            _milliseconds(self.result.provenance.get(k)) for k in ("started", "ended")
        )
        run = self.client.create_run(
            experiment_id, start_time=started, run_name=names.run_name(spec),
            tags=names.tags(self.result),
        )  # fmt: skip
        self._fill(run.info.run_id, experiment_id, started, ended)
        for old in before:
            self.client.delete_run(old.info.run_id)
        return self._line("tracked", run.info)

    def _fill(self, run_id: str, experiment_id: str, started: int, ended: int) -> None:
        try:
            self._numbers(run_id, started, ended)
            for path in self.files.artifacts():
                self.client.log_artifact(run_id, str(path))
            if self.result.status == "finished":
                self._model_and_pictures(run_id, experiment_id)
            self.client.set_tag(run_id, SENT, self.digest)
        except BaseException:
            with suppress(*_problems()), answering_soon():
                self.client.set_terminated(run_id, "KILLED")
            raise
        status = "FINISHED" if self.result.status == "finished" else "FAILED"
        self.client.set_terminated(run_id, status, end_time=ended)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        for _ in range(2):
            if found := self.client.get_experiment_by_name(name):
                return str(found.experiment_id)
            try:
                return str(self.client.create_experiment(name, self.place.artifacts))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                    raise
        raise TrackingError(f"the experiment {name!r} comes and goes")

    def _numbers(self, run_id: str, started: int, ended: int) -> None:
        from mlflow.entities import Metric, Param

        found = [Metric(k, v, ended, 0) for k, v in names.final_metrics(self.result).items()]
        if log := self.files.in_model("log.jsonl"):
            for epoch, seconds, values in names.epochs(log):
                at = started + round(1000 * seconds)
                found += [Metric(name, value, at, epoch) for name, value in values.items()]
        params = [Param(k, v) for k, v in names.parameters(self.result.spec).items()]
        self.client.log_batch(run_id, params=params, synchronous=True)
        for i in range(0, len(found), 500):  # MLflow takes 1000 and 1 MB at once
            self.client.log_batch(run_id, metrics=found[i : i + 500], synchronous=True)

    def _model_and_pictures(self, run_id: str, experiment_id: str) -> None:
        """What needs the detector's own code; a run is not refused when that is gone."""
        from dfbench.evaluate.scores import video_scores
        from dfbench.plots import curves
        from dfbench.plots.reliability import reliability_figure
        from dfbench_mlflow import model

        spec = self.result.spec
        weights = self.files.in_model("model.safetensors")
        try:
            detector = model.load(spec, weights)
            rows = read_predictions(self.files.run)
        except DfbenchError as error:
            self.lacks.append(str(error))
            return
        way = detector.aggregated_by(spec.aggregate)
        videos = video_scores(rows, way, spec.on_missing, spec.clips_a_person)
        figures = curves.pictures(self.result, videos)
        figures["reliability.png"] = reliability_figure(self.result, videos)
        for name, figure in figures.items():
            self.client.log_figure(run_id, figure, name)
        if weights is not None:
            logged = model.log(self.client, experiment_id, run_id, spec, detector, weights)
            self.client.set_tag(run_id, "dfbench.model_uri", f"models:/{logged}")

    def _line(self, what: str, info: Any) -> str:
        spec = self.result.spec
        lacks = f"; without model and pictures: {'; '.join(self.lacks)}" if self.lacks else ""
        how = self.place.how_to_open(info.experiment_id, info.run_id)
        return f"{what}: {names.run_name(spec)!r} in {names.experiment(spec)!r}{lacks}; {how}"


def _milliseconds(stamp: str | None) -> int:
    try:
        return round(1000 * datetime.fromisoformat(stamp or "").timestamp())
    except ValueError:
        return round(1000 * time.time())


def _problems() -> tuple[type[Exception], ...]:
    """What MLflow raises when a server, a database or a driver fails."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return OSError, ImportError, MlflowException, SQLAlchemyError


def _reason(error: Exception) -> str:
    """The root of it in a few words: of three nested messages only the system's own is useful."""
    text = without_password(" ".join(str(error).split()))
    for root in (
        r"(\[Errno [^\]]*\][^'\")<>]*)",
        r"(Read timed out)",
        r"Caused by \w+\(.*?['\"]([^'\"]+)['\"]\)",
    ):
        if found := re.search(root, text):
            return found.group(1)
    return names.cut(text, 200)
