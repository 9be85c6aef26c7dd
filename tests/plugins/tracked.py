"""MLflow's stores, and what has arrived there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tracked_runs import make_spec

from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector, build_detector
from dfbench.results.result import RunResult
from dfbench.results.spec import RunSpec
from dfbench_mlflow.place import quietly

EXPERIMENT = "dfbench/sample -> sample"


@contextmanager
def mlflow_at(uri: str) -> Iterator[Any]:
    """mlflow's own global functions at ``uri``, put back afterwards."""
    with quietly():
        import mlflow

        before = mlflow.get_tracking_uri()
        variable = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(uri)
        try:
            yield mlflow
        finally:
            mlflow.set_tracking_uri(before)
            os.environ.pop("MLFLOW_TRACKING_URI", None)
            if variable is not None:
                os.environ["MLFLOW_TRACKING_URI"] = variable


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def check_arrived(uri: str, result: RunResult, folder: Path, tmp_path: Path) -> None:
    """Everything of the run is at ``uri``, once, and the model gives the same logits."""
    with mlflow_at(uri) as mlflow:
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        runs = client.search_runs([experiment.experiment_id])
        assert len(runs) == 1
        run = runs[0]
        run_id = run.info.run_id
        assert run.info.run_name == "meso4 on sample, seed 3"
        assert run.info.status == "FINISHED"
        assert run.info.end_time - run.info.start_time == 60_000
        params, metrics, tags = run.data.params, run.data.metrics, run.data.tags
        assert params["detector"] == "meso4"
        assert params["train/lr"] == "0.001"
        assert params["detector/weights"] == "none"
        assert metrics["video/auc"] == 0.9
        assert metrics["video/auc_low"] == 0.8
        assert metrics["video/f1_at_val"] == 0.75
        assert metrics["cost/seconds_train"] == 3.0
        assert "frame/f1_at_0.5" not in metrics
        assert tags["dfbench.run_id"] == result.spec.run_id
        assert tags["dfbench.git_commit"] == "abc123+"
        assert tags["dfbench.version.torch"] == "2.15.0"
        history = client.get_metric_history(run_id, "train/loss")
        assert [(m.step, m.value) for m in history] == [(1, 1.0), (2, 0.5)]
        there = {file.path for file in client.list_artifacts(run_id)}
        assert there >= {
            "spec.json",
            "result.json",
            "predictions.csv",
            "validation.csv",
            "log.jsonl",
            "roc.png",
            "precision_recall.png",
            "reliability.png",
        }
        copy = client.download_artifacts(run_id, "predictions.csv", str(tmp_path))
        assert Path(copy).read_bytes() == (folder / "predictions.csv").read_bytes()
        assert tags["dfbench.registered_model"] == "models:/dfbench-meso4/1"
        loaded = mlflow.pytorch.load_model("models:/dfbench-meso4/1")
        info = mlflow.models.get_model_info("models:/dfbench-meso4/1")
        assert tags["dfbench.model_uri"] == f"models:/{info.model_id}"
        version = client.get_model_version("dfbench-meso4", "1")
    assert version.run_id == run_id
    about = {"detector": "meso4", "train": "sample", "seed": "3"}
    assert version.tags.items() >= {**about, "dfbench.model_id": tags["dfbench.model_id"]}.items()
    assert "trained on sample" in version.description
    assert [spec.shape for spec in info.signature.inputs] == [(-1, 3, 1, 256, 256)]
    assert [spec.shape for spec in info.signature.outputs] == [(-1,)]
    detector = build_detector(
        open_catalogue().detector("meso4")[1], result.spec.model.options, seed=3
    ).eval()
    clips = torch.rand(2, 3, 1, 256, 256, generator=torch.manual_seed(0))
    assert isinstance(loaded, Detector)
    assert torch.equal(loaded(clips), detector(clips))


def made_elsewhere(plugin: str, **options: str) -> RunSpec:
    spec = make_spec(seed=0)
    model = replace(
        spec.model,
        plugin=plugin,
        plugin_version="",
        train=None,
        reader="",
        precision="",
        options={"trained_on": "sample", **options},
    )
    return replace(spec, model=model)
