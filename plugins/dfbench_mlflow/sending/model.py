"""The tested model as an MLflow model that ``mlflow.pytorch.load_model`` gives back, and as a
version of the detector's registered model."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfbench import Detector, PluginError, build_detector, open_catalogue, read_tensors, sha256_of
from dfbench.results import RunSpec
from dfbench_mlflow import names
from dfbench_mlflow.names import PREFIX, clean

SHA256 = "dfbench.model_sha256"
MODEL_ID = "dfbench.model_id"


def load(spec: RunSpec, weights: Path | None) -> Detector:
    """The detector of a run, in eval mode. Raises PluginError when its plugin is gone, WeightsError
    when its code has changed so that the weights no longer fit."""
    known = open_catalogue()
    for plugin, card in known.cards("detectors").get(spec.model.detector, {}).items():
        if known.plugins[plugin].distribution == spec.model.plugin:
            detector = build_detector(card, spec.model.options, spec.seed)  # type: ignore[arg-type]
            if weights is not None:
                detector.load(read_tensors(weights), str(weights))
            return detector.eval()
    raise PluginError(f"{spec.model.detector} of {spec.model.plugin} is not installed")


def log(
    client: Any, experiment_id: str, run_id: str, spec: RunSpec, detector: Detector, weights: Path
) -> str:
    """The MLflow model of these weights, made for this run or found from another; its id.

    A model tested on five datasets is uploaded once. This is what ``mlflow.pytorch.log_model``
    does, written with the client: that function needs a global address and an active run.
    """
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    tags = {SHA256: sha256_of(weights), MODEL_ID: spec.model.model_id}
    if found := _find(client, tags):
        client.log_inputs(run_id, models=[LoggedModelInput(found)])
        return found
    name = clean(spec.model.detector).replace(".", "-")
    model = client.create_logged_model(experiment_id, name, source_run_id=run_id, tags=tags)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            _save(detector, spec, model, run_id, path)
            client.log_model_artifacts(model.model_id, str(path))
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


@dataclass(frozen=True)
class Registered:
    """A version in the model registry; problem: why it is not the model of this run, or empty."""

    uri: str
    problem: str = ""


def register(client: Any, run_id: str, spec: RunSpec, logged: str, weights: Path) -> Registered:
    """Make the logged model a version of ``dfbench-<detector>``, unless a version of this training
    is there already. Raises MlflowException where there is no registry.

    A version is never replaced: somebody may have deployed it.
    """
    name, digest = names.registered(spec), sha256_of(weights)
    wanted = f"name = '{name}' AND tags.`{MODEL_ID}` = '{spec.model.model_id}'"
    for version in client.search_model_versions(wanted):
        same = version.tags.get(SHA256) == digest
        number = version.version
        problem = "" if same else f"version {number} of {name} is an earlier training of it"
        return Registered(f"models:/{name}/{number}", problem)
    _make_registered(client, name, spec)
    seed = str(spec.model.train.seed if spec.model.train else spec.seed)
    tags = {
        "detector": names.cut(spec.model.label),
        "train": names.cut(spec.model.trained_on),
        "seed": seed,
        MODEL_ID: spec.model.model_id,
        SHA256: digest,
    }
    limit = spec.model.train.data.limit if spec.model.train else None
    tags |= {"limit": str(limit)} if limit else {}
    few = f" (at most {limit} videos a split)" if limit else ""
    about = f"{spec.model.label}, trained on {spec.model.trained_on}{few}, seed {seed}."
    # Not models:/<id>: a local store looks that up at the global address.
    where = client.get_logged_model(logged).artifact_location
    made = client.create_model_version(
        name, where, run_id, tags=tags, description=about, model_id=logged
    )
    return Registered(f"models:/{name}/{made.version}")


def _make_registered(client: Any, name: str, spec: RunSpec) -> None:
    from mlflow.exceptions import MlflowException

    about = (
        f"The detector {spec.model.detector}: each version is one training of it. It takes clips "
        "and gives logits, the sigmoid of which is P(fake)."
    )
    try:
        client.create_registered_model(name, description=about)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _find(client: Any, tags: Mapping[str, str]) -> str | None:
    """A complete model with these tags in any of dfbench's experiments."""
    ours = client.search_experiments(filter_string=f"name LIKE '{PREFIX}%'")
    ids = [experiment.experiment_id for experiment in ours]
    wanted = " AND ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    for i in range(0, len(ids), 10):  # some servers take no more at once
        for model in client.search_logged_models(ids[i : i + 10], wanted):
            if model.status == "READY":
                return str(model.model_id)
    return None


def _save(detector: Detector, spec: RunSpec, model: Any, run_id: str, path: Path) -> None:
    import mlflow.pytorch
    from mlflow.models import Model

    about = Model(
        artifact_path=model.artifact_location,
        model_uuid=model.model_id,
        run_id=run_id,
        model_id=model.model_id,
    )
    # Newer MLflow would rather trace a graph, which takes a forward pass and not every network;
    # older ones know only pickles and not the word.
    known = inspect.signature(mlflow.pytorch.save_model).parameters
    pickled = {"serialization_format": "pickle"} if "serialization_format" in known else {}
    mlflow.pytorch.save_model(
        detector,
        str(path),
        mlflow_model=about,
        signature=_signature(spec),
        pip_requirements=_requirements(spec),
        **pickled,
    )


def _signature(spec: RunSpec) -> Any:
    from mlflow.models.signature import ModelSignature
    from mlflow.types import Schema, TensorSpec

    clip, number = spec.model.clip, np.dtype("float32")
    clips = TensorSpec(number, (-1, 3, clip.frames, clip.size, clip.size), "clips")
    return ModelSignature(Schema([clips]), Schema([TensorSpec(number, (-1,), "logits")]))


def _requirements(spec: RunSpec) -> list[str]:
    """Given, not guessed: MLflow's own guess loads the model in a second process."""
    from importlib.metadata import version

    own = {name: version(name) for name in ("deepfake-bench", "torch", "torchvision")}
    own[spec.model.plugin] = spec.model.plugin_version
    return [f"{name}=={number.partition('+')[0]}" for name, number in own.items()]
