"""Decisions of several runs: where they agree, and what they say together."""

import json

import numpy as np
import pytest
from compared_runs import CARDS, a_run, a_spec, rows, sigmoid

from dfbench.evaluate.agree import agreement
from dfbench.evaluate.calibrate import apply_temperature
from dfbench.evaluate.contenders import ask, make_table
from dfbench.evaluate.stored import open_run
from dfbench_metrics import functions


@pytest.fixture
def validated(tmp_path, monkeypatch):
    """Two runs with validations of their own, whose best thresholds are 0.5 and 0.2."""
    monkeypatch.setenv("DFBENCH_TRACKING", "off")
    rng = np.random.default_rng(6)
    labels = np.arange(60) % 2
    runs = []
    for name, scale in (("a", 1.0), ("b", 0.4)):
        test = scale * sigmoid(2 * labels - 1 + rng.normal(size=60))
        val = scale * np.where(np.arange(40) % 2, 0.6, 0.4) + 0.01 * rng.random(40)
        validation = rows(np.arange(40) % 2, val, prefix="val")
        runs.append(a_run(tmp_path, a_spec(name), rows(labels, test), validation))
    return runs


def test_decisions_are_at_each_run_s_own_threshold(validated):
    table = make_table(validated)
    asked = ask(table, "accuracy", CARDS)
    assert asked.key == "video/accuracy@val"
    at = [chosen.thresholds["val"] for chosen in table.chosen]
    assert at == pytest.approx([0.5, 0.2], abs=0.02)
    for row, scores, threshold in zip(asked.inputs, table.scores, at, strict=True):
        assert row.tolist() == (scores >= threshold).tolist()


def test_agreement_by_hand(validated):
    table = make_table(validated)
    found = {part.part: part for part in agreement(table)}
    labels = table.labels
    assert found["real"].videos == (labels == 0).sum()
    one, two = table.scores
    expected = np.corrcoef(one[labels == 1], two[labels == 1])[0, 1]
    assert found["fake"].matrices["pearson"][0, 1] == pytest.approx(expected)
    from scipy.stats import spearmanr
    from sklearn.metrics import cohen_kappa_score

    assert found["all"].matrices["spearman"][0, 1] == pytest.approx(spearmanr(one, two).statistic)
    called = [s >= c.thresholds["val"] for s, c in zip(table.scores, table.chosen, strict=True)]
    assert found["all"].matrices["same"][0, 1] == (called[0] == called[1]).mean()
    assert found["all"].matrices["kappa"][0, 1] == pytest.approx(cohen_kappa_score(*called))


def test_agree_prints_and_draws(validated, command, tmp_path):
    folders = [run.folder for run in validated]
    done = command("agree", *folders, "--picture", tmp_path / "new" / "agree.png")
    assert done.exit_code == 0, done.output
    assert "real videos (30)" in done.stdout
    assert (tmp_path / "new" / "agree.png").stat().st_size > 5000
    data = json.loads(command("agree", *folders, "--json").stdout)
    assert data["runs"] == ["a", "b"]
    assert data["fake"]["spearman"][0][0] == pytest.approx(1)


def test_an_ensemble_is_the_mean_of_calibrated_scores(validated, command, tmp_path):
    folders = [run.folder for run in validated]
    done = command("ensemble", *folders, "--name", "both", "--runs", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    folder = json.loads(done.stdout)["folder"]
    table = make_table(validated)
    calibrated = [
        apply_temperature(s, c.temperature) for s, c in zip(table.scores, table.chosen, strict=True)
    ]
    expected = np.mean(calibrated, axis=0)
    made = open_run(folder, tmp_path)
    assert made.scores().scores == pytest.approx(expected)
    assert set(made.chosen().thresholds) >= {"val", "f1"}
    assert made.result.metric("video/auc").value == pytest.approx(
        functions.auc(table.labels, expected)
    )
    assert command("compare", *folders, folder).exit_code == 0
    board = command("leaderboard", "--runs", tmp_path / "out", "--json")
    assert json.loads(board.stdout)["rows"][0]["kind"] == "ensemble"


def test_an_ensemble_without_a_common_validation_decides_at_one_half(
    tmp_path, command, monkeypatch
):
    monkeypatch.setenv("DFBENCH_TRACKING", "off")
    labels = np.arange(30) % 2
    rng = np.random.default_rng(7)
    runs = [a_run(tmp_path, a_spec(n), rows(labels, rng.random(30))) for n in "ab"]
    folders = [run.folder for run in runs]
    done = command("ensemble", *folders, "--name", "x", "--runs", tmp_path / "o", "--json")
    notes = json.loads(done.stdout)["notes"]
    assert any("not calibrated, for want of validation: a, b" in note for note in notes)
    assert any("decides at 0.5" in note for note in notes)
