"""What is in a run: numbers, files, pictures and the model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dfbench import DfbenchError, RunResult
from dfbench_mlflow import names
from dfbench_mlflow.problems import reason
from dfbench_mlflow.sending.files import Files
from dfbench_mlflow.system import PREFIX, Series

if TYPE_CHECKING:
    from dfbench import Detector


class Content:
    """Fills one run. ``lacks`` says what it goes without, and why."""

    def __init__(self, client: Any, run: Any, result: RunResult, files: Files) -> None:
        self.client, self.result, self.files = client, result, files
        self.run_id, self.experiment_id = run.info.run_id, run.info.experiment_id
        self.lacks: list[str] = []

    def numbers(self, started: int, ended: int) -> None:
        """Parameters and metrics. started, ended: of the run, in milliseconds since 1970."""
        from mlflow.entities import Metric, Param

        found = [Metric(k, v, ended, 0) for k, v in names.final_metrics(self.result).items()]
        if log := self.files.in_model("log.jsonl"):
            for epoch, seconds, values in names.epochs(log):
                at = started + round(1000 * seconds)
                found += [Metric(name, value, at, epoch) for name, value in values.items()]
        params = [Param(k, v) for k, v in names.parameters(self.result.spec).items()]
        self.client.log_batch(self.run_id, params=params, synchronous=True)
        self._log(found)

    def system(self, sampled: Series | None, old: Any | None) -> None:
        """How busy the machine was: as sampled, else as the run says that this one replaces."""
        from mlflow.entities import Metric

        if sampled is not None:
            self._log(
                [
                    Metric(PREFIX + name, value, sample.at, step)
                    for step, sample in enumerate(sampled.samples)
                    for name, value in sample.values.items()
                ]
            )
            if sampled.problem:
                self.lacks.append(f"further system metrics: {sampled.problem}")
        elif old is not None:
            kept = [name for name in old.data.metrics if name.startswith(PREFIX)]
            for name in kept:
                self._log(self.client.get_metric_history(old.info.run_id, name))

    def _log(self, metrics: Sequence[Any]) -> None:
        for i in range(0, len(metrics), 500):  # MLflow takes 1000 and 1 MB at once
            self.client.log_batch(self.run_id, metrics=metrics[i : i + 500], synchronous=True)

    def artifacts(self) -> None:
        for path in self.files.artifacts():
            self.client.log_artifact(self.run_id, str(path))

    def pictures(self) -> None:
        from dfbench_mlflow.sending.pictures import draw

        try:
            figures = draw(self.result, self.files.run, lambda: self._detector)
        except DfbenchError as error:
            self.lacks.append(f"pictures: {error}")
            return
        for name, figure in figures.items():
            self.client.log_figure(self.run_id, figure, name)

    def model(self) -> None:
        """Where it was trained here. A run is not refused when the detector's code is gone, or
        when there is no model registry."""
        from mlflow.exceptions import MlflowException

        from dfbench_mlflow.sending import model

        spec, weights = self.result.spec, self.files.in_model("model.safetensors")
        if weights is None:
            return
        try:
            detector = self._detector
        except DfbenchError as error:
            self.lacks.append(f"model: {error}")
            return
        logged = model.log(self.client, self.experiment_id, self.run_id, spec, detector, weights)
        self.client.set_tag(self.run_id, "dfbench.model_uri", f"models:/{logged}")
        try:
            registered = model.register(self.client, self.run_id, spec, logged, weights)
        except MlflowException as error:
            self.lacks.append(f"registered model: {reason(error)}")
            return
        if registered.problem:
            self.lacks.append(f"registered model: {registered.problem}")
        else:
            self.client.set_tag(self.run_id, "dfbench.registered_model", registered.uri)

    @cached_property
    def _detector(self) -> Detector:
        from dfbench_mlflow.sending import model

        return model.load(self.result.spec, self.files.in_model("model.safetensors"))
