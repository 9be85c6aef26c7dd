"""Runs in MLflow: what arrives, that it arrives once, and what happens when nobody answers."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tracked import EXPERIMENT, check_arrived, made_elsewhere, mlflow_at
from tracked_runs import make_run, make_spec

from dfbench.cli import Commands
from dfbench.errors import TrackingError
from dfbench.matrix import sweep
from dfbench.matrix.cells import Cell, Model
from dfbench.results.result import write_result
from dfbench.results.spec import IMPORTED
from dfbench.running.request import Request
from dfbench_mlflow import dfbench_run_finished, dfbench_run_started
from dfbench_mlflow.command import track_command
from dfbench_mlflow.place import Place, quietly
from dfbench_mlflow.sending.model import register
from dfbench_mlflow.sending.send import send
from dfbench_mlflow.system import INTERVAL, MOST, SAMPLER, Series, gpus

pytestmark = pytest.mark.usefixtures("no_address")


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
