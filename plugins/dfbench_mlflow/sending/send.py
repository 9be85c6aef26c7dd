"""Send one run, as it lies on disk, to MLflow."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from dfbench import RunResult, TrackingError
from dfbench_mlflow import names
from dfbench_mlflow.place import Place, answering_soon, quietly
from dfbench_mlflow.problems import problems, reason
from dfbench_mlflow.sending import matrix
from dfbench_mlflow.sending.content import Content
from dfbench_mlflow.sending.files import Files
from dfbench_mlflow.system import Series

SENT = "dfbench.result_sha256"
"""Tag set last: a run without it was broken off while it was being sent."""


def send(result: RunResult, folder: Path, system: Series | None = None) -> str:
    """Send a finished or failed run; the line to show for it. system: how busy the machine was.

    A run that is there already is left alone, one of the same id but another result is replaced.
    Raises TrackingError, saying how to send it later, when MLflow does not take it.
    """
    files = Files.of(result, folder)
    place = Place.choose(files.out)
    try:
        with quietly(), place.client() as client:
            return _Sending(client, place, result, files, system).go()
    except problems() as error:
        raise TrackingError(
            f"{place.shown} did not take the run ({reason(error)}); the run is safe on disk, "
            f"dfbench track {folder} sends it later"
        ) from error


class _Sending:
    def __init__(
        self, client: Any, place: Place, result: RunResult, files: Files, system: Series | None
    ) -> None:
        self.client, self.place, self.result, self.files = client, place, result, files
        self.system = system
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
        old = before[0] if before else None
        parent = matrix.parent(self.client, experiment_id, self.result, started)
        run = self.client.create_run(
            experiment_id,
            start_time=started,
            run_name=names.run_name(spec),
            tags=names.tags(self.result) | matrix.below(parent, old),
        )
        self._fill(run, started, ended, old)
        for one in before:
            self.client.delete_run(one.info.run_id)
        if parent:
            matrix.end(self.client, parent, ended)
        return self._line("tracked", run.info)

    def _fill(self, run: Any, started: int, ended: int, old: Any | None) -> None:
        content = Content(self.client, run, self.result, self.files)
        finished = self.result.status == "finished"
        try:
            content.numbers(started, ended)
            content.system(self.system, old)
            content.artifacts()
            if finished:
                content.pictures()
                content.model()
            self.client.set_tag(run.info.run_id, SENT, self.digest)
        except BaseException:
            with suppress(*problems()), answering_soon():
                self.client.set_terminated(run.info.run_id, "KILLED")
            raise
        self.lacks = content.lacks
        status = "FINISHED" if finished else "FAILED"
        self.client.set_terminated(run.info.run_id, status, end_time=ended)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        for _ in range(2):
            if found := self.client.get_experiment_by_name(name):
                return str(found.experiment_id)
            try:
                about = names.experiment_tags(self.result.spec)
                return str(self.client.create_experiment(name, self.place.artifacts, about))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                    raise
        raise TrackingError(f"the experiment {name!r} comes and goes")

    def _line(self, what: str, info: Any) -> str:
        spec = self.result.spec
        lacks = "".join(f"; without {what}" for what in self.lacks)
        how = self.place.how_to_open(info.experiment_id, info.run_id)
        return f"{what}: {names.run_name(spec)!r} in {names.experiment(spec)!r}{lacks}; {how}"


def _milliseconds(stamp: str | None) -> int:
    try:
        return round(1000 * datetime.fromisoformat(stamp or "").timestamp())
    except ValueError:
        return round(1000 * time.time())
