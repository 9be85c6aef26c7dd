"""The main job from the command line to the files it leaves: real videos, real training, kills."""

import json
import shlex
import shutil

import pytest
from started_runs import QUICK, kill_when, run_folder, start

import dfbench
from dfbench.results.spec import RunSpec
from dfbench_leaderboard.rows.faults import submission_faults
from dfbench_leaderboard.site import command_again


@pytest.fixture(scope="session")
def meso_run(sample_cache, tmp_path_factory):
    """A quick run of meso4 on the sample, never interrupted."""
    out = tmp_path_factory.mktemp("meso") / "runs"
    process = start(
        "--detector", "meso4", "--dataset", "sample", *QUICK, "--cache", sample_cache, "--out", out
    )
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return out


def test_a_run_leaves_what_it_says(meso_run):
    folder = run_folder(meso_run)
    result = dfbench.load_result(folder)
    rows = dfbench.read_predictions(folder)
    assert result.status == "finished"
    assert result.spec.limited
    assert result.coverage == 1.0
    assert len(rows) == result.counts["videos"] * 32
    assert {row.status for row in rows} == {"ok"}
    assert submission_faults(folder) == []
    keys = {metric.key for metric in result.metrics}
    assert {"video/auc", "video/auc[warp]", "video/f1@0.5", "video/f1@val", "frame/auc"} <= keys
    auc = result.metric("video/auc")
    assert auc.low <= auc.value <= auc.high
    assert result.cost["parameters"] == result.cost["trainable"] == 27_977
    assert {"prepare", "train", "predict", "metrics"} <= set(result.cost["seconds"])
    assert result.environment["versions"]["torch"]
    assert any("random weights" in note for note in result.notes)
    assert any("quick look" in note for note in result.notes)
    spec = json.loads((folder / "spec.json").read_text())
    assert RunSpec.from_json(spec) == result.spec
    assert spec["run_id"] == result.spec.run_id == folder.name
    model = folder.parent.parent
    assert {p.name for p in model.iterdir() if not p.name.startswith(".")} == {
        "model.safetensors",
        "train.json",
        "log.jsonl",
        "validation.csv",
        "sample",
    }
    assert not list(model.rglob("*.tmp"))


def test_nothing_of_test_is_seen_before_the_model_is_final(meso_run):
    """Fault 6: the threshold and the epoch come from validation's videos alone."""
    folder = run_folder(meso_run)
    validated = {
        row.video for row in dfbench.read_predictions(folder.parent.parent / "validation.csv")
    }
    tested = {row.video for row in dfbench.read_predictions(folder)}
    assert validated
    assert not validated & tested
    people = [{row.split("/")[1][:3] for row in videos} for videos in (validated, tested)]
    assert not people[0] & people[1]


def test_the_same_seed_gives_the_same_bytes(finish, meso_run, sample_cache, tmp_path):
    finish(
        "--detector",
        "meso4",
        "--dataset",
        "sample",
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        tmp_path / "runs",
        "--workers",
        1,
    )
    one, two = run_folder(meso_run), run_folder(tmp_path / "runs")
    assert one.name == two.name
    assert (one / "predictions.csv").read_bytes() == (two / "predictions.csv").read_bytes()


def test_killed_in_training_and_in_prediction_it_ends_with_the_same_numbers(
    finish, meso_run, sample_cache, tmp_path
):
    out = tmp_path / "runs"
    args = [
        "--detector",
        "meso4",
        "--dataset",
        "sample",
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        out,
    ]
    kill_when(start(*args), lambda: list(out.glob("*/*/*/checkpoint.pt")))
    assert not list(out.glob("*/*/*/train.json"))

    def some_scored():
        return any(f.stat().st_size > 2000 for f in out.glob("*/*/*/*/*/predictions.csv"))

    kill_when(start(*args), some_scored)
    assert not list(out.glob("*/*/*/*/*/result.json"))
    finish(*args)
    one, two = run_folder(meso_run), run_folder(out)
    assert (one / "predictions.csv").read_bytes() == (two / "predictions.csv").read_bytes()
    first, second = (dfbench.load_result(folder).metrics for folder in (one, two))
    assert first == second


def test_a_finished_run_is_printed_and_again_does_it_anew(finish, meso_run, sample_cache, tmp_path):
    out = tmp_path / "runs"
    shutil.copytree(meso_run, out)
    args = [
        "--detector",
        "meso4",
        "--dataset",
        "sample",
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        out,
    ]
    before = (run_folder(out) / "result.json").stat().st_mtime_ns
    assert "finished already" in finish(*args)
    assert (run_folder(out) / "result.json").stat().st_mtime_ns == before
    assert "epoch 1" in finish(*args, "--again")
    assert (run_folder(out) / "result.json").stat().st_mtime_ns != before


def test_the_command_on_its_page_is_the_run(finish, meso_run, sample_cache):
    words = shlex.split(command_again.command(dfbench.load_result(run_folder(meso_run)).spec))
    assert words[:2] == ["dfbench", "run"]
    assert "finished already" in finish(*words[2:], "--cache", sample_cache, "--out", meso_run)


def test_a_model_tested_on_two_datasets_is_trained_once(finish, meso_run, sample_cache, tmp_path):
    out = tmp_path / "runs"
    shutil.copytree(meso_run, out)
    tests = ["--test", "sample", "--test", "sample-control"]
    output = finish(
        "--detector",
        "meso4",
        "--train",
        "sample",
        *tests,
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        out,
    )
    assert "epoch" not in output
    assert len(list(out.glob("*/*/*/train.json"))) == 1
    assert len(list(out.glob("*/*/*/*/*/result.json"))) == 2


def test_json_is_one_object_on_stdout(meso_run, sample_cache, cli):
    done = cli(
        "run",
        "--detector",
        "meso4",
        "--dataset",
        "sample",
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        meso_run,
        "--json",
    )
    (result,) = json.loads(done.stdout)["runs"]
    assert result["status"] == "finished"


def test_tracking_that_cannot_be_reached_loses_nothing(sample_cache, tmp_path, cli, meso_run):
    out = tmp_path / "runs"
    shutil.copytree(meso_run, out)
    (run_folder(out) / "result.json").unlink()
    env = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    done = cli(
        "run",
        "--detector",
        "meso4",
        "--dataset",
        "sample",
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        out,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert "dfbench track" in done.stderr
    assert dfbench.load_result(run_folder(out)).status == "finished"


def test_python_takes_what_the_command_takes(sample_cache, tmp_path, meso_run):
    out = tmp_path / "runs"
    shutil.copytree(meso_run, out)
    asked = {"limit": 9, "epochs": 2, "batch_size": 16, "cache": sample_cache, "out": out}
    result = dfbench.run("meso4", dataset="sample", **asked)
    assert result == dfbench.load_result(run_folder(out))
    both = dfbench.run("meso4", train="sample", test=["sample"], **asked)
    assert both == [result]


def test_again_forgets_what_was_scored_with_the_model_before(
    finish, meso_run, sample_cache, tmp_path
):
    out = tmp_path / "runs"
    shutil.copytree(meso_run, out)
    first = run_folder(out)
    finish(
        "--detector",
        "meso4",
        "--train",
        "sample",
        "--test",
        "sample-control",
        *QUICK,
        "--cache",
        sample_cache,
        "--out",
        out,
        "--again",
    )
    assert not (first / "result.json").exists()
    assert not (first / "predictions.csv").exists()
