"""The main job from the command line to the files it leaves: real videos, real training, kills."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dfbench
from dfbench.catalogue.records import REAL
from dfbench.results.spec import RunSpec
from dfbench_leaderboard.rows.faults import submission_faults
from dfbench_leaderboard.site import command_again

QUICK = ["--limit", "9", "--epochs", "2", "--batch-size", "16"]


def run_folder(out):
    (result,) = Path(out).glob("*/*/*/*/*/result.json")
    return result.parent


def start(*args, **env):
    """The command in a process of its own, which can be killed."""
    command = [sys.executable, "-m", "dfbench", "run", *map(str, args)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DFBENCH_TRACKING": "off", **env},
    )


@pytest.fixture(scope="session")
def finish(command):
    """The command in this process, which has imported torch already; what it prints."""

    def run(*args):
        done = command("run", *args, DFBENCH_TRACKING="off")
        assert done.exit_code == 0, done.output
        return done.output

    return run


def kill_when(process, ready):
    """``kill -9`` the process as soon as ``ready()``; fail when it ends before."""
    until = time.monotonic() + 300
    while not ready():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


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


@pytest.fixture
def dfdc(sample_cache, tmp_path, make_video):
    """A single DFDC part made of sample videos, with all that goes wrong in a real one."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.data.listing import read_dataset

    sample = read_dataset("sample", open_catalogue(), {}, sample_cache)
    root = tmp_path / "dfdc_train_part_7"
    root.mkdir()
    entries = {}
    for record in sample.records[:36]:
        name = record.id.replace("/", "_") + ".mp4"
        original = record.original and record.original.replace("/", "_") + ".mp4"
        shutil.copy(record.path, root / name)
        label = "REAL" if record.label == REAL else "FAKE"
        entries[name] = {"label": label, "split": "train", "original": original}
    fakes = [n for n, e in entries.items() if e["label"] == "FAKE"]
    del entries[entries[fakes[0]]["original"]]  # an original that is listed nowhere
    gone = entries[fakes[-1]]["original"]
    (root / gone).unlink()  # an original that is listed, but not on disk
    make_video(root / "portrait.mp4", frames=20, size=(128, 240))
    whole = (root / fakes[5]).read_bytes()
    (root / "truncated.mp4").write_bytes(whole[: len(whole) // 3])
    (root / "text.mp4").write_text("not a video")
    for name in ("portrait.mp4", "truncated.mp4", "text.mp4"):
        entries[name] = {"label": "FAKE", "split": "train", "original": "elsewhere.mp4"}
    (root / "metadata.json").write_text(json.dumps(entries))
    return root


@pytest.mark.parametrize(
    "detector",
    [
        "r3d101:width=0.0625",
        pytest.param(
            "r3d101",
            marks=pytest.mark.skipif(
                "DFBENCH_TEST_LONG" not in os.environ,
                reason="minutes at full width: DFBENCH_TEST_LONG=1",
            ),
        ),
    ],
)
def test_dfdc_runs_and_broken_files_are_rows(
    finish, dfdc, tmp_path, cli, sample_cache, shared, detector
):
    yunet = shared / "data/weights/yunet/face_detection_yunet_2023mar.onnx"
    added = cli("weights", "add", "yunet", "2023mar", yunet, "--cache", sample_cache)
    assert added.returncode == 0, added.stderr
    out = tmp_path / "runs"
    finish(
        "--detector",
        detector,
        "--dataset",
        "dfdc",
        "--data-root",
        dfdc,
        "--epochs",
        1,
        "--cache",
        sample_cache,
        "--out",
        out,
    )
    folder = run_folder(out)
    result = dfbench.load_result(folder)
    rows = dfbench.read_predictions(folder)
    assert len(rows) == 4 * result.counts["videos"]
    everywhere = rows + dfbench.read_predictions(folder.parent.parent / "validation.csv")
    status = {row.video: row.status for row in everywhere}
    expected = {"text.mp4": "unreadable", "truncated.mp4": "unreadable", "portrait.mp4": "no_face"}
    found = {name: status[name] for name in expected if name in status}
    assert found == {name: expected[name] for name in found}
    prepared = cli(
        "prepare",
        "dfdc",
        "--data-root",
        dfdc,
        "--detector",
        "r3d101",
        "--cache",
        sample_cache,
        "--json",
    )
    counts = json.loads(prepared.stdout)["status"]
    assert counts["missing"] == 1
    assert counts["unreadable"] == 2
    assert counts["no_face"] == 1


def test_official_weights_are_evaluated_as_they_are(finish, shared, tmp_path, sample_cache):
    weights = shared / "data/weights/mesonet/Meso4_DF.h5"
    out = tmp_path / "runs"
    finish(
        "--detector",
        "meso4",
        "--train",
        "none",
        "--weights",
        weights,
        "--test",
        "sample",
        "--limit",
        6,
        "--cache",
        sample_cache,
        "--out",
        out,
    )
    result = dfbench.load_result(run_folder(out))
    assert result.spec.model.train is None
    assert result.spec.model.weights_sha256.startswith("036ed30d04ff")
    assert result.threshold is None
    assert not any("random" in note for note in result.notes)


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


@pytest.fixture
def own_videos(sample_cache, tmp_path):
    """A folder dataset without splits, of sample videos."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.data.listing import read_dataset

    for record in read_dataset("sample", open_catalogue(), {}, sample_cache).records[:60]:
        kind = "fake" if record.label else "real"
        target = tmp_path / "own" / kind / f"{record.id.replace('/', '_')}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(record.path, target)
    return tmp_path / "own"


def test_a_model_is_not_tested_on_what_an_earlier_run_trained_it_on(
    finish, own_videos, sample_cache, tmp_path
):
    out = tmp_path / "runs"
    common = ["--data-root", own_videos, "--faces", "center", "--cache", sample_cache, "--out", out]
    small = "r3d18:width=0.0625,size=32,frames=8"
    finish("--detector", small, "--dataset", "folder", "--epochs", 1, *common)
    trained = dfbench.load_result(run_folder(out))
    weights = run_folder(out).parent.parent / "model.safetensors"
    finish(
        "--detector", small, "--train", "none", "--weights", weights, "--test", "folder", *common
    )
    (result,) = [dfbench.load_result(p) for p in out.glob("none/*/*/*/*/result.json")]
    assert result.counts["videos"] == trained.counts["videos"] < 60
    assert "the weights it starts from were trained on folder" in result.notes
    auc = "video/auc"
    assert result.metric(auc).value == trained.metric(auc).value
