"""Runs on disk, judged again: old results, ``dfbench score``."""

import csv
import json
import shutil

import numpy as np
import pytest
from repository import DATA
from sklearn import metrics as reference

import dfbench
from dfbench.catalogue.plugins import open_catalogue
from dfbench.errors import ResultError
from dfbench.evaluate.breakdown import write_about
from dfbench.evaluate.decide import Chosen
from dfbench.evaluate.judgement import judge_again
from dfbench.evaluate.scores import video_scores
from dfbench.evaluate.stored import StoredRun, open_run
from dfbench.results.predictions import write_predictions

METRICS = open_catalogue().metrics()


@pytest.fixture
def old(tmp_path):
    """A run of dfbench 0.3 as it lies on disk, schema 1."""
    folder = tmp_path / "runs" / "sample" / "meso4" / "x" / "sample" / "df5c5f6d0646"
    shutil.copytree(DATA / "schema-1", folder)
    return folder


def test_a_result_of_schema_1_is_read_and_keeps_its_id(old):
    result = dfbench.load_result(old)
    assert result.schema == 1
    assert result.spec.run_id == old.name
    assert result.threshold == json.loads((old / "result.json").read_text())["threshold"]
    assert result.spec.aggregate == "mean"
    assert result.metric("video/auc").value is not None


def test_judged_again_it_comes_out_the_same(old):
    again = judge_again(open_run(str(old), old), METRICS, draws=200)
    before = {m.key: m.value for m in dfbench.load_result(old).metrics}
    now = {m.key: m.value for m in again.metrics}
    common = {key for key in before if "@val" not in key}  # its validation is not at hand
    assert common <= set(now)
    assert {k: now[k] for k in common} == pytest.approx({k: before[k] for k in common})


def test_a_run_is_found_by_the_beginning_of_its_id(old, tmp_path):
    assert open_run("df5c", tmp_path / "runs").folder == old
    assert open_run(str(old / "result.json"), tmp_path).folder == old
    with pytest.raises(ResultError, match="no run below"):
        open_run("beef", tmp_path / "runs")
    shutil.copytree(old, old.with_name("df5c00000000"))
    with pytest.raises(ResultError, match="several runs' ids: df5c00000000, df5c5f6d0646"):
        open_run("df5c", tmp_path / "runs")


def test_score_compares_aggregates_without_touching_the_run(old, command):
    before = {file: file.read_bytes() for file in old.iterdir()}
    done = command(
        "score", old, "--aggregate", "mean", "--aggregate", "max", "--json", "--draws", 200
    )
    assert done.exit_code == 0, done.output
    (run,) = json.loads(done.stdout)["runs"]
    assert list(run["aggregates"]) == ["mean", "max"]
    rows = dfbench.read_predictions(old)
    for name, how in (("mean", np.mean), ("max", np.max)):
        videos = video_scores(rows, how, "chance")
        (auc,) = (
            m
            for m in run["aggregates"][name]["metrics"]
            if (m["name"], m["subset"]) == ("video/auc", "all")
        )
        expected = reference.roc_auc_score(videos.labels, videos.scores)
        assert auc["value"] == pytest.approx(expected, abs=1e-9)
    assert {file: file.read_bytes() for file in old.iterdir()} == before


def test_score_chooses_thresholds_on_the_run_s_validation(old, command, tmp_path):
    rows = [
        r.__class__(**{**{n: getattr(r, n) for n in r.__slots__}, "video": f"val-{r.video}"})
        for r in dfbench.read_predictions(old)
    ]
    with (old / "validation.csv").open("w", newline="") as file:
        write_predictions(rows, file, header=True)
    done = command(
        "score",
        old,
        "--threshold",
        "fpr25",
        "--threshold",
        "f1",
        "--draws",
        200,
        "--plots",
        tmp_path / "plots",
    )
    assert done.exit_code == 0, done.output
    assert "FPR 25 % on validation" in done.stdout
    assert "isotonic" in done.stdout
    names = {file.name for file in (tmp_path / "plots" / "df5c5f6d0646" / "mean").iterdir()}
    assert names == {"roc.png", "precision_recall.png", "reliability.png"}


def test_score_says_what_is_wrong_in_one_line(old, command):
    for args, words in (
        (["nowhere"], "no run below"),
        ([old, "--threshold", "best"], "val, f1 or fprX"),
    ):
        done = command("score", *args)
        assert done.exit_code == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    (old / "predictions.csv").write_text("video,score\n")
    assert "has no column" in command("score", old).stderr


def test_every_column_of_videos_csv_is_named_once(tmp_path):
    write_about({"a": {"x": "1"}, "b": {"y": "2"}}, tmp_path / "videos.csv")
    with (tmp_path / "videos.csv").open() as file:
        assert list(csv.reader(file)) == [["video", "x", "y"], ["a", "1", ""], ["b", "", "2"]]


def test_a_stored_run_knows_its_own_aggregate(old):
    run = StoredRun(old, dfbench.load_result(old))
    assert run.scores().scores.tolist() == run.scores("mean").scores.tolist()
    assert run.validation() is None
    assert run.chosen() == Chosen()
