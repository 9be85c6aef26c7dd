"""``dfbench matrix``: every cell a run, each model trained once, stops and failures survived."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from small_grids import FRAME

import dfbench
from dfbench.errors import ResourceError, TrainingError
from dfbench.matrix import cells, job, sweep

CLIP = "r3d18:frames=2,size=32,width=0.0625"


def asked(detectors=(FRAME,), trains=("folder",), tests=("folder", "uadfv"), seeds=(0,)):
    return [
        *(f"--detector={d}" for d in detectors),
        *(f"--train={t}" for t in trains),
        *(f"--test={t}" for t in tests),
        *(f"--seed={s}" for s in seeds),
    ]


@pytest.fixture
def trainings(monkeypatch):
    import dfbench.running.model

    calls = []
    fit = dfbench.running.model.fit
    monkeypatch.setattr(dfbench.running.model, "fit", lambda *a: calls.append(a) or fit(*a))
    return calls


def cells_of(out: Path) -> list[dict[str, str]]:
    (file,) = out.glob("matrix/*/cells.csv")
    return list(csv.DictReader(file.open()))


# --- doing ----------------------------------------------------------------------------------


def test_two_detectors_two_tests_two_seeds_are_eight_cells_of_four_trainings(
    command, settings, here, trainings, tmp_path
):
    grid = asked((FRAME, CLIP), seeds=(0, 1))
    args = ["matrix", *grid, *settings, f"--out={tmp_path / 'runs'}"]
    done = command(*args)
    assert done.exit_code == 0, done.output
    assert len(trainings) == len(here) == 4
    rows = cells_of(tmp_path / "runs")
    assert len(rows) == 8
    for row in rows:
        result = dfbench.load_result(row["run"])
        assert float(row["value"]) == result.metric("video/auc").value
        assert (result.spec.model.label, result.spec.seed) == (row["detector"], int(row["seed"]))
        assert (result.spec.model.trained_on, result.spec.test.label) == (row["train"], row["test"])

    (table,) = (tmp_path / "runs").glob("matrix/*/table.csv")
    for row in csv.DictReader(table.open()):
        own = [r for r in rows if r["detector"] == row["detector"]]
        for test in ("folder", "uadfv"):
            values = [float(r["value"]) for r in own if r["test"] == test]
            assert float(row[f"{test} mean"]) == pytest.approx(np.mean(values))
            assert float(row[f"{test} sd"]) == pytest.approx(np.std(values, ddof=1))
        assert float(row["uadfv drop"]) == pytest.approx(
            float(row["folder mean"]) - float(row["uadfv mean"])
        )
        assert row["folder drop"] == ""
    (picture,) = (tmp_path / "runs").glob("matrix/*/video-auc.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown = float(next(r["folder mean"] for r in csv.DictReader(table.open())))
    assert f"{shown:.3f} ±" in done.stdout

    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("result.json")}
    again = json.loads(command(*args, "--json").stdout)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("result.json")} == before
    assert len(here) == 4
    assert [c["status"] for c in again["cells"]] == ["finished"] * 8
    board = json.loads(command("leaderboard", "--runs", tmp_path / "runs", "--json").stdout)
    assert "matrix" not in json.dumps(board["left_out"])

    look = json.loads(command(*args, "--seed=2", "--dry-run", "--json").stdout)
    states = {row["state"] for row in look["cells"] if row["seed"] < 2}
    ahead = [row for row in look["cells"] if row["seed"] == 2]
    assert states == {"done"}
    assert {row["state"] for row in ahead} == {"to do"}
    assert len(ahead) == 6
    assert all(row["seconds"] > 0 for row in ahead)
    assert look["seconds"] == pytest.approx(sum(row["seconds"] for row in ahead))
    assert len(here) == 4


def test_a_test_that_fails_leaves_the_others_alone_and_is_done_next_time(
    command, settings, here, trainings, tmp_path, monkeypatch
):
    import dfbench.running.work

    score = dfbench.running.work.predict_to_file

    def failing(detector, reader, dataset, *rest):
        if dataset == "folder":
            raise ResourceError("the disk of folder is gone")
        return score(detector, reader, dataset, *rest)

    args = ["matrix", *asked(), *settings, f"--out={tmp_path}"]
    with monkeypatch.context() as patch:
        patch.setattr(dfbench.running.work, "predict_to_file", failing)
        done = command(*args)
    assert done.exit_code == 1
    assert "failed: the disk of folder is gone" in done.stdout
    status = {row["test"]: (row["status"], row["value"] != "") for row in cells_of(tmp_path)}
    assert status == {"folder": ("failed", False), "uadfv": ("finished", True)}
    assert "failed before" in command(*args, "--dry-run").stdout
    assert command(*args).exit_code == 0
    assert len(trainings) == 1
    assert here[1].tests == ("folder",)


@pytest.mark.usefixtures("here")
def test_a_training_that_fails_is_not_tried_again_for_each_test(
    command, settings, tmp_path, monkeypatch
):
    import dfbench.running.model

    calls = []

    def fit(*args):
        calls.append(args)
        raise TrainingError("the loss is no number")

    monkeypatch.setattr(dfbench.running.model, "fit", fit)
    done = command("matrix", *asked(seeds=(0, 1)), *settings, f"--out={tmp_path}")
    assert done.exit_code == 1
    assert len(calls) == 2
    rows = cells_of(tmp_path)
    assert [(r["status"], r["reason"]) for r in rows] == [("failed", "the loss is no number")] * 4


@pytest.mark.usefixtures("here")
def test_a_dataset_that_is_not_there_fails_its_own_cells_before_any_work(
    command, settings, tmp_path
):
    args = ["matrix", *asked(tests=("folder", "celebdf")), *settings, f"--out={tmp_path}"]
    without = [a for a in args if "uadfv" not in a]
    look = command(*without, "--dry-run")
    assert look.exit_code == 1
    assert "cannot start" in look.stdout
    assert not list(tmp_path.iterdir())
    done = command(*without)
    assert done.exit_code == 1
    assert "cannot start: celebdf needs its folder" in done.stderr
    assert {r["test"]: r["status"] for r in cells_of(tmp_path)} == {
        "folder": "finished",
        "celebdf": "failed",
    }


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (["--detector=meso5"], "Did you mean meso4"),
        (["--train=foldr"], "Did you mean folder"),
        (["--metric=video/auk"], "no metric 'video/auk'"),
        (["--metric=auc"], "no metric 'auc'"),
        (["--detector=meso4:widht=2"], "no option 'widht'"),
    ],
)
def test_a_wrong_name_stops_everything(command, settings, here, tmp_path, changed, says):
    done = command("matrix", *asked(), *settings, *changed, f"--out={tmp_path}")
    assert done.exit_code == 1
    assert says in done.stderr
    assert not here
    assert not list(tmp_path.iterdir())


def test_names_for_one_thing_are_one_cell(command, settings, tmp_path):
    grid = asked((FRAME, f"{FRAME},classes=unknown"), tests=("folder", "folder"))
    args = ["matrix", *grid, "--test=uadfv", *settings, f"--out={tmp_path}"]
    look = json.loads(command(*args, "--dry-run", "--json").stdout)
    assert [row["test"] for row in look["cells"]] == ["(training)", "folder", "uadfv"]


def test_each_job_has_a_gpu_of_its_own(tmp_path, monkeypatch):
    together, seen = threading.Barrier(2, timeout=60), []

    def do(_request, _log, _cwd, env, _hear):
        together.wait()
        seen.append(env["CUDA_VISIBLE_DEVICES"])
        together.wait()
        return "not done"

    monkeypatch.setattr(sweep, "do", do)
    monkeypatch.setattr(sweep, "_gpus", lambda _: ["3", "7"])
    request = cells.Request(detector=FRAME, train="folder", tests=("folder",), out=tmp_path)
    models = [
        cells.Model(
            f"m{n}",
            request,
            (cells.Cell("d", "folder", "folder", "", n, folder=tmp_path / str(n)),),
        )
        for n in range(4)
    ]
    outcomes = sweep.run_matrix(models, tmp_path / "logs", None, "local", lambda *_: None)
    assert sorted(seen[:2]) == sorted(seen[2:]) == ["3", "7"]
    assert [o.reason for o in outcomes] == ["not done"] * 4


# --- processes ------------------------------------------------------------------------------


def jobs(pid: int) -> list[int]:
    """The models that a matrix has at work; it asks git and others too, which come and go."""
    return [c.pid for c in psutil.Process(pid).children() if "dfbench.matrix.job" in commanded(c)]


def commanded(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(ready, process=None, seconds: float = 240):
    until = time.monotonic() + seconds
    while not (found := ready()):
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.02)
    return found


def test_killed_jobs_fail_alone_and_a_killed_matrix_leaves_nobody_and_goes_on(
    cli, settings, tmp_path
):
    grid = asked(tests=("uadfv",), seeds=(0, 1))
    args = ["matrix", *grid, *settings, f"--out={tmp_path}"]
    env = {"DFBENCH_TRACKING": "off", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dfbench", *args],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    (first,) = wait_for(lambda: jobs(process.pid), process)
    os.kill(first, signal.SIGKILL)
    (second,) = wait_for(lambda: [j for j in jobs(process.pid) if j != first], process)
    wait_for(lambda: list(tmp_path.glob("*/*/*/*/*/spec.json")), process)
    process.kill()
    process.wait()
    wait_for(lambda: not alive(second), seconds=20)
    assert "killed by SIGKILL, most likely for want of memory" in process.stdout.read()
    assert not list(tmp_path.glob("matrix/*/*.csv"))

    done = cli(*args, env=env)
    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in cells_of(tmp_path)] == ["finished"] * 2
    assert len(list(tmp_path.rglob("train.json"))) == 2


@pytest.mark.slow
@pytest.mark.skipif(
    "DFBENCH_TEST_LONG" not in os.environ,
    reason="four minutes on two drawn samples: DFBENCH_TEST_LONG=1 (small videos run always)",
)
def test_on_the_sample_and_a_second_sample_of_others(cli, tmp_path):
    other = "sample:qp=35,seed=1"
    args = [
        "matrix",
        *asked(("meso4", "r3d18:width=0.0625"), ("sample",), ("sample", other), (0, 1)),
        "--limit=12",
        "--epochs=1",
        f"--out={tmp_path}",
    ]
    done = cli(*args, "--json", env={"DFBENCH_TRACKING": "off"}, timeout=1500)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["cells"]) == 8
    assert len(list(tmp_path.rglob("train.json"))) == 4
    assert {(t["test"], t["in_domain"]) for t in found["tables"]} == {
        ("sample", True),
        (other, False),
    }
    assert found["note"].startswith("a quick look")


def test_a_job_that_dies_before_it_has_read_its_request_fails_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "false")
    monkeypatch.setattr(sys, "argv", ["x" * 1_000_000])  # more than a pipe holds
    problem = job.do(None, tmp_path / "log", tmp_path, {}, lambda _: None)
    assert problem.startswith("ended with exit code 1 and no word: see")
