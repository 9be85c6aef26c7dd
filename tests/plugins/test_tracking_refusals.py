"""Tracking that cannot be done or is not wanted, and the names that MLflow takes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import precision_recall_curve, roc_curve
from tracked import EXPERIMENT, made_elsewhere
from tracked_runs import make_run, make_spec

from dfbench.cli import Commands
from dfbench.errors import TrackingError
from dfbench.evaluate import curves
from dfbench.results.result import MetricValue
from dfbench.results.spec import ENSEMBLE, IMPORTED
from dfbench_mlflow import dfbench_run_finished, names
from dfbench_mlflow.command import track_command
from dfbench_mlflow.place import answering_soon, quietly
from dfbench_mlflow.sending.send import send

pytestmark = pytest.mark.usefixtures("no_address")


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
