"""Runs in MLflow: what arrives, that it arrives once, and what happens when nobody answers."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from sklearn.metrics import precision_recall_curve, roc_curve

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.cli import Commands
from dfbench.detector.network import Detector, build_detector
from dfbench.errors import TrackingError
from dfbench.evaluate import curves
from dfbench.files import write_json
from dfbench.matrix import sweep
from dfbench.matrix.cells import Cell, Model
from dfbench.results.predictions import rewrite
from dfbench.results.result import MetricValue, RunResult, write_result
from dfbench.results.spec import ENSEMBLE, IMPORTED, DataSpec, ModelSpec, RunSpec, TrainSpec
from dfbench.running.request import Request
from dfbench_mlflow import dfbench_run_finished, dfbench_run_started, names
from dfbench_mlflow.command import track_command
from dfbench_mlflow.place import Place, answering_soon, quietly
from dfbench_mlflow.sending.model import register
from dfbench_mlflow.sending.send import send
from dfbench_mlflow.system import INTERVAL, MOST, SAMPLER, Series, gpus

EXPERIMENT = "dfbench/sample -> sample"


def make_spec(**changes: Any) -> RunSpec:
    _, card = open_catalogue().detector("meso4")
    data = DataSpec(
        dataset="sample", fingerprint="f" * 64, videos=12, faces="given", faces_version="1"
    )
    train = TrainSpec(
        data=data,
        seed=3,
        epochs=2,
        batch_size=8,
        lr=1e-3,
        weight_decay=0.0,
        schedule="constant",
        clips_per_video=2,
        patience=5,
        balance=True,
        fine_tune="all",
        augment="study",
    )
    plugin, _ = open_catalogue().detector("meso4")
    model = ModelSpec(
        detector="meso4",
        plugin=plugin.distribution,
        plugin_version=plugin.version,
        options=card.options,
        weights=None,
        weights_sha256=None,
        clip=card.clip,
        reader="decord 0.6",
        precision="32-true",
        train=train,
    )
    return RunSpec(**{"model": model, "test": data, "seed": 3, **changes})


def make_run(out: Path, spec: RunSpec | None = None, **changes: Any) -> tuple[RunResult, Path]:
    """A finished run as ``dfbench run`` leaves it: 4 real videos, 4 of each method."""
    spec = spec or make_spec()
    folder = spec.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    model = spec.model_folder(out)
    options = {} if spec.model.made_elsewhere else spec.model.options
    detector = build_detector(open_catalogue().detector("meso4")[1], options, seed=3)
    (model / "model.safetensors").write_bytes(safetensors.torch.save(detector.state_dict()))
    write_json(model / "train.json", {"schema": 1, "best_epoch": 2})
    lines = [
        {"epoch": e, "seconds": e * 1.5, "train/loss": 1 / e, "lr": 1e-3, "val/video/auc": 0.8}
        for e in (1, 2)
    ]
    (model / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for file in (folder / "predictions.csv", model / "validation.csv"):
        rewrite(file, list(predictions()))
    metrics = (
        MetricValue(name="video/auc", value=0.9, low=0.8, high=0.95, n_real=4, n_fake=8),
        MetricValue(name="video/auc", subset="a&b (1)", value=0.7, low=0.6, high=0.8),
        MetricValue(name="video/f1", rule="val", threshold=0.4, value=0.75),
        MetricValue(name="frame/f1", rule="0.5", threshold=0.5, value=None, reason="one class"),
    )
    about: dict[str, Any] = {
        "status": "finished",
        "metrics": metrics,
        "counts": {"videos": 12, "no_face": 1},
        "coverage": 11 / 12,
        "chosen": {"thresholds": {"val": 0.4}},
        "notes": ("meso4 starts from random weights",),
        "cost": {"parameters": 27977, "seconds": {"train": 3.0}, "videos_per_second": 5.5},
        "environment": {"device": "cpu", "versions": {"torch": "2.15.0", "deepfake-bench": "0.1"}},
        "provenance": {
            "started": "2026-01-02T03:04:05+00:00",
            "ended": "2026-01-02T03:05:05+00:00",
            "git_commit": "abc123+",
            "command": ["dfbench", "run"],
        },
        **changes,
    }
    result = RunResult(spec=spec, **about)
    write_json(folder / "spec.json", spec.to_json())
    write_result(result, folder)
    return result, folder


def predictions() -> Iterator[Prediction]:
    rng = np.random.default_rng(0)
    for i, (label, method) in enumerate([(0, None)] * 4 + [(1, "warp")] * 4 + [(1, "a&b (1)")] * 4):
        for clip in range(2):
            score = float(rng.uniform(0.3 * label, 0.7 + 0.3 * label)) if i else None
            yield Prediction(
                "sample",
                f"v{i}",
                clip,
                clip,
                label,
                score,
                method,
                f"g{i % 4}",
                "ok" if i else "no_face",
            )


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


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "MLFLOW_TRACKING_URI",
        "DFBENCH_TRACKING",
        "DFBENCH_MATRIX",
        "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING",
        INTERVAL,
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real ``mlflow server`` on loopback with a store of its own."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    asked = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{folder}/store.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    log = (folder / "log").open("w")
    lean = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # seven processes fewer
    process = subprocess.Popen(
        asked, stdout=log, stderr=log, cwd=folder, start_new_session=True, env=lean
    )
    try:
        for _ in range(240):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.25)
        else:
            pytest.fail((folder / "log").read_text())
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to copy: MLflow takes a second or more to make one."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with quietly(), Place(f"sqlite:///{file}").client():
        pass
    return file


@pytest.fixture
def out(empty_store: Path, tmp_path: Path) -> Path:
    """A runs folder with an empty store."""
    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copy(empty_store, folder)
    return folder


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


def test_a_run_goes_to_the_store_in_the_runs_folder_and_leaves_no_state(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    result, folder = make_run(out)
    environment, root = dict(os.environ), (logging.root.level, logging.root.handlers[:])
    dfbench_run_finished(result, folder)
    import mlflow

    assert dict(os.environ) == environment
    assert (logging.root.level, logging.root.handlers) == root
    assert mlflow.active_run() is None
    assert str(out) not in mlflow.get_tracking_uri()
    told = capfd.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "mlflow ui --backend-store-uri sqlite:///" in told.err
    check_arrived(f"sqlite:///{out}/mlflow.db", result, folder, tmp_path)
    assert sorted(p.name for p in out.iterdir()) == [
        ".mlflow.db.lock",
        "mlartifacts",
        "mlflow.db",
        "sample",
    ]


def test_a_real_server_receives_a_run_once(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, folder = make_run(tmp_path / "runs")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    cli = Commands("dfbench", commands=[track_command])
    first = CliRunner().invoke(cli, ["track", str(folder)])
    assert first.exit_code == 0, first.output
    assert f"tracked: 'meso4 on sample, seed 3' in {EXPERIMENT!r}" in first.stderr
    assert f"{server}/#/experiments/" in first.stderr
    again = CliRunner().invoke(cli, ["track", str(folder / "result.json"), str(folder)])
    assert again.stderr.count("is in MLflow already") == 2
    check_arrived(server, result, folder, tmp_path)
    assert not (tmp_path / "runs/mlflow.db").exists()


def test_a_run_done_anew_replaces_the_old_one_and_a_model_is_uploaded_once(out: Path) -> None:
    result, folder = make_run(out)
    send(result, folder)
    changed = replace(result, coverage=0.5)
    write_result(changed, folder)
    send(changed, folder)
    other = make_spec(test=replace(result.spec.test, dataset="sample-control"))
    send(*make_run(out, other))
    with mlflow_at(f"sqlite:///{out}/mlflow.db") as mlflow:
        client = mlflow.MlflowClient()
        ids = [e.experiment_id for e in client.search_experiments()]
        runs = client.search_runs(ids)
        assert sorted((r.info.run_name, r.data.metrics["video/coverage"]) for r in runs) == [
            ("meso4 on sample, seed 3", 0.5),
            ("meso4 on sample-control, seed 3", 11 / 12),
        ]
        assert len({r.data.tags["dfbench.model_uri"] for r in runs}) == 1
        assert len(client.search_logged_models(ids)) == 1
        assert len(client.search_model_versions("name = 'dfbench-meso4'")) == 1


def test_a_failed_run_is_sent_as_failed_and_a_lost_plugin_costs_only_the_model(out: Path) -> None:
    send(*make_run(out, status="failed", error="the loss is nan", metrics=()))
    spec = make_spec(seed=4)
    gone = replace(spec, model=replace(spec.model, detector="gone"))
    line = send(*make_run(out, gone))
    assert "; without model: gone of deepfake-bench is not installed; open" in line
    with mlflow_at(f"sqlite:///{out}/mlflow.db") as mlflow:
        client = mlflow.MlflowClient()
        runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
        status = {r.info.run_name: (r.info.status, r.data.tags.get("dfbench.error")) for r in runs}
    assert status == {
        "meso4 on sample, seed 3": ("FAILED", "the loss is nan"),
        "gone on sample, seed 4": ("FINISHED", None),
    }


def test_imported_scores_need_no_detector_for_their_pictures_and_bring_their_validation(
    out: Path,
) -> None:
    result, folder = make_run(out, made_elsewhere(IMPORTED))
    model = folder.parent.parent
    for made_here in ("model.safetensors", "train.json", "log.jsonl"):
        (model / made_here).unlink()
    (model / "validation.csv").rename(folder / "validation.csv")
    line = send(result, folder)
    assert "without" not in line
    assert "tracked: 'meso4 on sample' in" in line
    with mlflow_at(f"sqlite:///{out}/mlflow.db") as mlflow:
        client = mlflow.MlflowClient()
        (run,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
        there = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert there >= {"roc.png", "reliability.png", "validation.csv"}
        assert not client.search_registered_models()


def test_another_training_of_a_model_is_no_second_version(tmp_path: Path) -> None:
    class Registry:
        """What of a client ``register`` uses."""

        def __init__(self, *versions: Any) -> None:
            self.versions = versions

        def search_model_versions(self, wanted: str) -> tuple[Any, ...]:
            assert "name = 'dfbench-meso4'" in wanted
            return self.versions

    weights = tmp_path / "weights"
    weights.write_bytes(b"new")
    old = SimpleNamespace(version="4", tags={"dfbench.model_sha256": "of the old"})
    found = register(Registry(old), "run", make_spec(), "m-1", weights)
    assert found.uri == "models:/dfbench-meso4/4"
    assert found.problem == "version 4 of dfbench-meso4 is an earlier training of it"


def test_a_version_says_that_few_videos_were_trained_on(tmp_path: Path) -> None:
    made: dict[str, Any] = {}
    registry = SimpleNamespace(
        search_model_versions=lambda _: (),
        create_registered_model=lambda *_, **__: None,
        get_logged_model=lambda _: SimpleNamespace(artifact_location="there"),
        create_model_version=lambda *_, **about: made.update(about) or SimpleNamespace(version="1"),
    )
    weights = tmp_path / "weights"
    weights.write_bytes(b"new")
    spec = make_spec()
    assert spec.model.train is not None
    few = replace(spec.model.train, data=replace(spec.model.train.data, limit=8))
    limited = replace(spec, model=replace(spec.model, train=few))
    register(registry, "run", limited, "m-1", weights)
    assert made["tags"]["limit"] == "8"
    assert "trained on sample (at most 8 videos a split), seed 3" in made["description"]
    made.clear()
    register(registry, "run", spec, "m-1", weights)
    assert "limit" not in made["tags"]
    assert "at most" not in made["description"]


def test_a_store_without_a_model_registry_is_told_of(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "nowhere://at.all")
    line = send(*make_run(out))
    assert "; without registered model: " in line
    assert "nowhere" in line


def test_a_matrix_is_one_run_with_its_runs_below(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'it\'s "mine"'
    monkeypatch.setenv("DFBENCH_MATRIX", name)
    result, folder = make_run(out, status="failed", error="no", metrics=())
    send(result, folder)
    later = {"started": "2026-01-02T03:04:05+00:00", "ended": "2026-01-02T04:00:00+00:00"}
    for seed in (4, 5):
        send(*make_run(out, make_spec(seed=seed), status="failed", metrics=(), provenance=later))
    monkeypatch.delenv("DFBENCH_MATRIX")
    anew = replace(result, error="no again")
    write_result(anew, folder)
    send(anew, folder)  # as ``dfbench track`` does, where nobody knows of the matrix
    with mlflow_at(f"sqlite:///{out}/mlflow.db") as mlflow:
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if "dfbench.matrix" in run.data.tags]
    children = [run for run in runs if run is not parent]
    assert len(children) == 3
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert parent.info.run_name == f"matrix {name}"
    assert parent.data.tags["dfbench.matrix"] == name
    assert "dfbench.run_id" not in parent.data.tags
    assert parent.info.status == "FINISHED"
    assert parent.info.end_time == max(run.info.end_time for run in children)
    assert parent.data.params.items() <= children[0].data.params.items()
    assert parent.data.params["test/dataset"] == "sample"
    about = experiment.tags["mlflow.note.content"]
    assert about == "Detectors trained on sample and tested on sample."


def test_the_jobs_of_a_matrix_know_the_name_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def do(_request: Any, _log: Any, _cwd: Any, env: dict[str, str], _hear: Any) -> str:
        seen.append(env["DFBENCH_MATRIX"])
        return "not done"

    monkeypatch.setattr(sweep, "do", do)
    request = Request(detector="meso4", train="sample", tests=("sample",), device="cpu")
    cell = Cell("meso4", "sample", "sample", "", 0, folder=tmp_path)
    logs = tmp_path / "matrix" / "mine" / "logs"
    sweep.run_matrix([Model("m", request, (cell,))], logs, 1, "local", lambda *_: None)
    assert seen == ["mine"]


def system_metrics(out: Path) -> list[dict[str, list[Any]]]:
    """Of each run, the oldest first: histories of its system metrics."""
    with mlflow_at(f"sqlite:///{out}/mlflow.db") as mlflow:
        client = mlflow.MlflowClient()
        found = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
        return [
            {
                name: client.get_metric_history(run.info.run_id, name)
                for name in run.data.metrics
                if name.startswith("system/")
            }
            for run in sorted(found, key=lambda run: run.data.params["seed"])
        ]


def test_the_machine_is_sampled_while_the_tests_of_a_model_run(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERVAL, "0.05")
    failed = {"status": "failed", "error": "no", "metrics": ()}
    runs = [make_run(out, make_spec(seed=seed), **failed) for seed in (4, 5)]
    threads, begin = threading.active_count(), time.time()
    for _, folder in runs:
        dfbench_run_started(folder)
    assert threading.active_count() == threads + 1
    time.sleep(0.4)
    for result, folder in runs:
        dfbench_run_finished(result, folder)
    assert threading.active_count() == threads
    again = replace(runs[0][0], error="no again")
    write_result(again, runs[0][1])
    dfbench_run_finished(again, runs[0][1])  # as after ``--confidence``: never begun
    first, second = system_metrics(out)
    wanted = {
        "cpu_utilization_percentage",
        "system_memory_usage_megabytes",
        "system_memory_usage_percentage",
    }
    assert {name.removeprefix("system/") for name in first} >= wanted
    history = first["system/system_memory_usage_percentage"]
    assert len(history) >= 3
    assert [metric.step for metric in history] == list(range(len(history)))
    assert all(0 < metric.value <= 100 for metric in history)
    at = [metric.timestamp / 1000 for metric in history]
    assert begin <= at[0] < begin + 2 <= at[-1] + 2
    assert at == sorted(at)
    shared = [metric.timestamp for metric in second["system/cpu_utilization_percentage"]]
    assert shared[: len(at)] == [metric.timestamp for metric in history]
    assert len(shared) > len(at)


def test_sampling_can_be_switched_off_and_never_fails_a_run(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = threading.active_count()
    for variable in ("DFBENCH_TRACKING", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, "false")
            dfbench_run_started(out)
    monkeypatch.setenv(INTERVAL, "often")
    with pytest.raises(TrackingError, match="a number of seconds above 0, not 'often'"):
        dfbench_run_started(out)
    assert threading.active_count() == threads
    assert SAMPLER.finish(out) is None
    monkeypatch.delenv(INTERVAL)
    monkeypatch.setattr("psutil.virtual_memory", lambda: 1 / 0)
    result, folder = make_run(out, status="failed", error="no", metrics=())
    dfbench_run_started(folder)
    dfbench_run_finished(result, folder)
    told = capsys.readouterr().err
    assert "tracked: 'meso4 on sample, seed 3'" in told
    assert "; without further system metrics: ZeroDivisionError: division by zero;" in told


def test_samples_of_a_long_run_are_thinned_evenly() -> None:
    series = Series(every=10)
    for number in range(MOST + 1):
        series.add({"number": number})
    assert series.every == 20
    assert [s.values["number"] for s in series.samples] == list(range(0, MOST + 1, 2))


def test_a_gpu_is_read_under_the_names_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NVIDIA's own module played, since no machine of the tests has a GPU for certain."""
    errors = {"NVMLError": Exception, "NVMLError_NotSupported": KeyError}
    closed: list[bool] = []
    pynvml = SimpleNamespace(
        **errors,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: closed.append(True),
        nvmlDeviceGetHandleByIndex=lambda i: f"gpu {i}",
        nvmlDeviceGetHandleByUUID=lambda u: u,
        nvmlDeviceGetMemoryInfo=lambda h: SimpleNamespace(used=2e9, total=8e9, name=h),
        nvmlDeviceGetUtilizationRates=lambda h: {"gpu 3": SimpleNamespace(gpu=70)}[h],
    )
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,MIG-1")
    with gpus() as read:
        assert read() == {
            "gpu_0_memory_usage_megabytes": 2000,
            "gpu_0_memory_usage_percentage": 25,
            "gpu_0_utilization_percentage": 70,
            "gpu_1_memory_usage_megabytes": 2000,
            "gpu_1_memory_usage_percentage": 25,
        }
    assert closed == [True]


@pytest.mark.parametrize("answers", [False, True], ids=["closed port", "silent server"])
def test_an_unreachable_server_is_noticed_soon(
    answers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, folder = make_run(tmp_path / "runs")
    monkeypatch.setattr("dfbench_mlflow.place.CONTACT_S", 1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if answers:
            listener.listen()  # takes the connection and never says a word
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@{address}")
        with quietly():
            pass  # the import of mlflow is no part of the wait
        environment, begin = dict(os.environ), time.monotonic()
        with pytest.raises(TrackingError) as caught:
            send(result, folder)
    assert time.monotonic() - begin < 8
    assert dict(os.environ) == environment
    message = str(caught.value)
    assert f"dfbench track {folder}" in message
    assert "safe on disk" in message
    assert "\n" not in message
    assert "secret" not in message


def test_track_names_what_it_cannot_read_before_it_sends_anything(tmp_path: Path) -> None:
    _, folder = make_run(tmp_path / "runs")
    done = CliRunner().invoke(
        Commands("dfbench", commands=[track_command]), ["track", str(folder), str(tmp_path / "no")]
    )
    assert done.exit_code == 1
    assert "does not exist" in done.stderr
    assert not (tmp_path / "runs/mlflow.db").exists()


def test_tracking_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, folder = make_run(tmp_path / "runs")
    monkeypatch.setenv("DFBENCH_TRACKING", "off")
    dfbench_run_finished(result, folder)
    assert not (tmp_path / "runs/mlflow.db").exists()


def test_what_the_user_has_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with quietly(), answering_soon():
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_names_fit_mlflow_and_stay_apart() -> None:
    pairs = [("a b", "a b"), ("video", "video"), ("f1", "f1")]
    assert all(names.clean(name) == wanted for name, wanted in pairs)
    odd = ["a/b", "a|b", "a@b", "a" * 300, "a" * 301, "", "  "]
    cleaned = [names.clean(name) for name in odd]
    assert len(set(cleaned)) == len(odd)
    assert all(len(name) < 120 and not set(name) & set("/|@[]:") for name in cleaned)
    value = MetricValue(name="video/f1", rule="val", subset="a@b")
    assert names.metric(value).startswith("video/f1_at_val_on_a-b-")


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


def test_parameters_have_the_same_names_in_every_run_and_fit() -> None:
    spec = make_spec()
    bare = replace(spec, model=replace(spec.model, train=None, options={"x": "y" * 9000}))
    imported, ensemble = made_elsewhere(IMPORTED), made_elsewhere(ENSEMBLE, members="a+b")
    kinds = [names.parameters(kind) for kind in (spec, bare, imported, ensemble)]
    assert {frozenset(kind) for kind in kinds} == {frozenset(kinds[0])}
    assert [kind["train/dataset"] for kind in kinds] == ["sample", "none", "sample", "sample"]
    assert kinds[1]["train/lr"] == "none"
    assert max(map(len, kinds[1].values())) <= 500
    assert names.experiment(bare) == "dfbench/none -> sample"
    assert names.experiment(imported) == names.experiment(spec) == EXPERIMENT


def test_curves_equal_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 2, 200), rng.integers(0, 20, 200) / 20
    x, y = curves.roc(labels, scores)
    wanted = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose([x, y], wanted[:2])
    recall, precision = curves.precision_recall(labels, scores)
    expected = precision_recall_curve(labels, scores)
    np.testing.assert_allclose(recall, expected[1][::-1])
    np.testing.assert_allclose(precision[1:], expected[0][::-1][1:])


def test_the_plugin_imports_neither_mlflow_nor_torch() -> None:
    code = (
        "import sys, click, dfbench_mlflow as m; m.dfbench_commands(click.Group()); "
        "print(sorted({'mlflow', 'torch', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
