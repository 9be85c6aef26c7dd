"""Runs in MLflow: what arrives, that it arrives once, and what happens when nobody answers."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from sklearn.metrics import precision_recall_curve, roc_curve

from dfbench.catalogue import catalogue
from dfbench.cli import Commands
from dfbench.detector import Detector, build
from dfbench.errors import TrackingError
from dfbench.evaluate import curves
from dfbench.records import Prediction
from dfbench.result import MetricValue, RunResult, write_json, write_predictions, write_result
from dfbench.spec import DataSpec, ModelSpec, RunSpec, TrainSpec
from dfbench_mlflow import dfbench_run_finished, names
from dfbench_mlflow.command import track_command
from dfbench_mlflow.place import answering_soon, quietly
from dfbench_mlflow.send import send

EXPERIMENT = "dfbench/sample -> sample"


def make_spec(**changes: Any) -> RunSpec:
    _, card = catalogue().detector("meso4")
    data = DataSpec(dataset="sample", fingerprint="f" * 64, videos=12, faces="given",
                    faces_version="1")  # fmt: skip
    train = TrainSpec(
        data=data, seed=3, epochs=2, batch_size=8, lr=1e-3, weight_decay=0.0, schedule="constant",
        clips_per_video=2, patience=5, balance=True, fine_tune="all", augment="study",
    )  # fmt: skip
    plugin, _ = catalogue().detector("meso4")
    model = ModelSpec(
        detector="meso4", plugin=plugin.distribution, plugin_version=plugin.version,
        options=card.options, weights=None, weights_sha256=None, clip=card.clip,
        reader="decord 0.6", precision="32-true", train=train,
    )  # fmt: skip
    return RunSpec(**{"model": model, "test": data, "seed": 3, **changes})


def make_run(out: Path, spec: RunSpec | None = None, **changes: Any) -> tuple[RunResult, Path]:
    """A finished run as ``dfbench run`` leaves it: 4 real videos, 4 of each method."""
    spec = spec or make_spec()
    folder = spec.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    model = spec.model_folder(out)
    detector = build(catalogue().detector("meso4")[1], spec.model.options, seed=3)
    (model / "model.safetensors").write_bytes(safetensors.torch.save(detector.state_dict()))
    write_json(model / "train.json", {"schema": 1, "best_epoch": 2})
    lines = [{"epoch": e, "seconds": e * 1.5, "train/loss": 1 / e, "lr": 1e-3, "val/video/auc": 0.8}
             for e in (1, 2)]  # fmt: skip
    (model / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with (folder / "predictions.csv").open("w") as file:
        write_predictions(predictions(), file, header=True)
    metrics = (
        MetricValue(name="video/auc", value=0.9, low=0.8, high=0.95, n_real=4, n_fake=8),
        MetricValue(name="video/auc", subset="a&b (1)", value=0.7, low=0.6, high=0.8),
        MetricValue(name="video/f1", rule="val", threshold=0.4, value=0.75),
        MetricValue(name="frame/f1", rule="0.5", threshold=0.5, value=None, reason="one class"),
    )
    about: dict[str, Any] = {
        "status": "finished", "metrics": metrics, "counts": {"videos": 12, "no_face": 1},
        "coverage": 11 / 12,
        "chosen": {"thresholds": {"val": 0.4}}, "notes": ("meso4 starts from random weights",),
        "cost": {"parameters": 27977, "seconds": {"train": 3.0}, "videos_per_second": 5.5},
        "environment": {"device": "cpu", "versions": {"torch": "2.15.0", "deepfake-bench": "0.1"}},
        "provenance": {"started": "2026-01-02T03:04:05+00:00", "ended": "2026-01-02T03:05:05+00:00",
                       "git_commit": "abc123+", "command": ["dfbench", "run"]},
        **changes,
    }  # fmt: skip
    result = RunResult(spec=spec, **about)
    write_json(folder / "spec.json", spec.to_json())
    write_result(result, folder)
    return result, folder


def predictions() -> Iterator[Prediction]:
    rng = np.random.default_rng(0)
    for i, (label, method) in enumerate([(0, None)] * 4 + [(1, "warp")] * 4 + [(1, "a&b (1)")] * 4):
        for clip in range(2):
            score = float(rng.uniform(0.3 * label, 0.7 + 0.3 * label)) if i else None
            yield Prediction("sample", f"v{i}", clip, clip, label, score, method, f"g{i % 4}",
                             "ok" if i else "no_face")  # fmt: skip


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
    for name in ("MLFLOW_TRACKING_URI", "DFBENCH_TRACKING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real ``mlflow server`` on loopback with a store of its own."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    asked = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
             "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/store.db",
             "--artifacts-destination", str(folder / "artifacts")]  # fmt: skip
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
        names = {file.path for file in client.list_artifacts(run_id)}
        assert names >= {"spec.json", "result.json", "predictions.csv", "log.jsonl", "roc.png",
                         "precision_recall.png"}  # fmt: skip
        copy = client.download_artifacts(run_id, "predictions.csv", str(tmp_path))
        assert Path(copy).read_bytes() == (folder / "predictions.csv").read_bytes()
        loaded = mlflow.pytorch.load_model(tags["dfbench.model_uri"])
        signature = mlflow.models.get_model_info(tags["dfbench.model_uri"]).signature
    assert [spec.shape for spec in signature.inputs] == [(-1, 3, 1, 256, 256)]
    detector = build(catalogue().detector("meso4")[1], result.spec.model.options, seed=3).eval()
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
    assert sorted(p.name for p in out.iterdir()) == [".mlflow.db.lock", "mlartifacts", "mlflow.db",
                                                     "sample"]  # fmt: skip


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


def test_a_run_done_anew_replaces_the_old_one_and_a_model_is_uploaded_once(tmp_path: Path) -> None:
    out = tmp_path / "runs"
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


def test_a_failed_run_is_sent_as_failed_and_a_lost_plugin_costs_only_the_model(
    tmp_path: Path,
) -> None:
    out = tmp_path / "runs"
    send(*make_run(out, status="failed", error="the loss is nan", metrics=()))
    spec = make_spec(seed=4)
    gone = replace(spec, model=replace(spec.model, detector="gone"))
    line = send(*make_run(out, gone))
    assert "without model and pictures: gone of deepfake-bench is not installed" in line
    with mlflow_at(f"sqlite:///{out}/mlflow.db") as mlflow:
        client = mlflow.MlflowClient()
        runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
        status = {r.info.run_name: (r.info.status, r.data.tags.get("dfbench.error")) for r in runs}
    assert status == {
        "meso4 on sample, seed 3": ("FAILED", "the loss is nan"),
        "gone on sample, seed 4": ("FINISHED", None),
    }


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


def test_parameters_have_the_same_names_in_every_run_and_fit() -> None:
    spec = make_spec()
    bare = replace(spec, model=replace(spec.model, train=None, options={"x": "y" * 9000}))
    assert names.parameters(spec).keys() == names.parameters(bare).keys()
    assert names.parameters(bare)["train/lr"] == "none"
    assert max(map(len, names.parameters(bare).values())) <= 500
    assert names.experiment(bare) == "dfbench/none -> sample"


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
