"""What is said of scores beyond a metric: thresholds carried over, calibration, parts, mistakes."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.isotonic import IsotonicRegression

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.errors import OptionError, ResultError
from dfbench.evaluate.breakdown import break_down, read_about, write_about
from dfbench.evaluate.calibrate import (
    apply_isotonic,
    apply_temperature,
    fit_isotonic,
    fit_temperature,
    logit,
    reliability,
)
from dfbench.evaluate.decide import RULES, Chosen, choose, choose_threshold
from dfbench.evaluate.metrics import evaluate, measure
from dfbench.evaluate.mistakes import mistakes
from dfbench.evaluate.scores import video_scores

METRICS = open_catalogue().metrics()
EPS = np.finfo(float).eps


def row(video, label, score, *, clip=0, method=None, group="", dataset="d", status="ok"):
    method = method or ("m" if label else None)
    return Prediction(dataset, video, clip, 0, label, score, method, group or video, status)


def table(labels, scores, groups=None):
    return video_scores(
        [
            row(f"v{i}", int(y), float(s), group="" if groups is None else str(groups[i]))
            for i, (y, s) in enumerate(zip(labels, scores, strict=True))
        ],
        np.mean,
        "chance",
    )


def drawn(n, seed, shift=0.3, decimals=None):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    scores = rng.random(n) * 0.7 + shift * labels
    return table(labels, scores if decimals is None else np.round(scores, decimals))


# --- thresholds ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_are_the_best_there_are(seed):
    scores = drawn(40, seed, decimals=1 if seed % 2 else None)
    y, s = scores.labels, scores.scores
    everywhere = np.r_[0, np.unique(s), 1.01]
    decided = [(s >= at).astype(int) for at in everywhere]
    best_f1 = max(reference.f1_score(y, d, zero_division=0) for d in decided)
    f1 = (s >= choose_threshold(scores, "f1")).astype(int)
    assert reference.f1_score(y, f1) == pytest.approx(best_f1)
    for percent in (1, 10, 33.5):
        at = choose_threshold(scores, f"fpr{percent}")
        assert (s[y == 0] >= at).mean() <= percent / 100
        allowed = [d[y == 1].mean() for d in decided if d[y == 0].mean() <= percent / 100]
        assert (s[y == 1] >= at).mean() == max(allowed)


def test_no_threshold_in_0_to_1_may_be_low_enough():
    """A real video with a score of 1: only calling nothing fake has no false positives."""
    at = choose_threshold(table([0, 1], [1.0, 1.0]), "fpr1")
    assert at > 1
    assert json.loads(json.dumps(at)) == at


@pytest.mark.parametrize("rule", ["best", "fpr", "fpr-1", "fpr100", "fprx", ""])
def test_an_unknown_rule_is_one_line(rule):
    with pytest.raises(OptionError, match="val, f1 or fprX"):
        choose_threshold(table([0, 1], [0.1, 0.9]), rule)


def test_the_threshold_is_carried_to_another_dataset():
    """Scores of the second sample lie 0.3 lower: AUC does not see it, decisions do."""
    here = table([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.5, 0.6, 0.7])
    there = [row(f"r{i}", 0, s) for i, s in enumerate((0.0, 0.1, 0.2, 0.3))]
    there += [row(f"f{i}", 1, s) for i, s in enumerate((0.25, 0.35, 0.45, 0.55))]
    chosen = choose(here)
    assert chosen.thresholds["val"] == pytest.approx(0.4)
    found = {
        m.key: m for m in evaluate(there, METRICS, "frame", np.mean, "chance", chosen, draws=200)
    }
    assert found["video/accuracy@val"].threshold == pytest.approx(0.4)
    assert found["video/accuracy@val"].value == 6 / 8  # two fakes lie below 0.4
    assert found["video/recall@val"].value == 0.5
    assert found["video/precision@val"].value == 1.0
    assert found["video/f1@val"].value == pytest.approx(2 / 3)
    assert found["video/auc"].value == pytest.approx(15 / 16)
    assert {f"video/recall@{rule}" for rule in ("0.5", *RULES)} <= set(found)


def test_validation_of_one_class_chooses_nothing():
    assert choose(None) == choose(table([1, 1], [0.2, 0.4])) == Chosen()
    assert Chosen().to_json() == {}


# --- calibration -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_temperature_makes_the_labels_most_likely(seed):
    scores = drawn(60, seed)
    best = fit_temperature(scores)
    grid = np.exp(np.linspace(np.log(0.01), np.log(100), 201))
    losses = [reference.log_loss(scores.labels, apply_temperature(scores.scores, t)) for t in grid]
    mine = reference.log_loss(scores.labels, apply_temperature(scores.scores, best))
    assert mine <= min(losses) + 1e-9


def test_temperature_finds_what_was_done_to_calibrated_scores():
    rng = np.random.default_rng(0)
    true = rng.random(50_000)
    labels = (rng.random(len(true)) < true).astype(int)
    over = 1 / (1 + np.exp(-2.5 * logit(true)))
    assert fit_temperature(table(labels, over)) == pytest.approx(2.5, rel=0.03)
    assert apply_temperature(np.array([0.0, 0.5, 1.0]), 3.0)[1] == 0.5


@pytest.mark.parametrize("seed", range(10))
def test_isotonic_equals_scikit_learn(seed):
    scores = drawn(50, seed, decimals=1 if seed % 2 else None)
    ours = apply_isotonic(np.linspace(0, 1, 101), fit_isotonic(scores))
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    theirs.fit(scores.scores, scores.labels)
    np.testing.assert_allclose(ours, theirs.predict(np.linspace(0, 1, 101)), atol=1e-9)


def test_probabilities_are_reported_raw_and_calibrated():
    validation, test = drawn(80, 0), drawn(80, 1)
    found = {m.key: m for m in measure(test, "all", METRICS, choose(validation), draws=200)}
    for name, theirs in (("brier", reference.brier_score_loss), ("log_loss", reference.log_loss)):
        assert found[f"video/{name}"].value == pytest.approx(theirs(test.labels, test.scores))
        for rule, scores in choose(validation).calibrated(test.scores).items():
            expected = theirs(test.labels, np.clip(scores, EPS, 1 - EPS))
            assert found[f"video/{name}@{rule}"].value == pytest.approx(expected)
    assert "video/auc@temperature" not in found  # order is all that counts there


def test_the_reliability_diagram_adds_up_to_the_calibration_error():
    scores = drawn(200, 3)
    points = reliability(scores.labels, scores.scores)
    assert sum(n for *_, n in points) == 200
    error = sum(n * abs(score - fakes) for score, fakes, n in points) / 200
    assert error == pytest.approx(METRICS["ece"].resolve()(scores.labels, scores.scores))


# --- parts and mistakes ----------------------------------------------------------------------


def people():
    """Six real videos and as many fakes of three people; one fake without a score."""
    rows = [row(f"r{i}", 0, 0.1 + 0.05 * i, group=f"p{i % 3}") for i in range(6)]
    rows += [
        row(f"f{i}", 1, 0.3 + 0.1 * i, group=f"p{i % 3}", method="ab"[i % 2]) for i in range(5)
    ]
    rows.append(row("f5", 1, None, group="p2", method="b", status="no_face"))
    about = {
        r.video: {
            "sex": "fm"[int(r.group[1]) % 2],
            "width": "640",
            "height": "480",
            "face": str(100 + 60 * (r.group == "p2")),
        }
        for r in rows
    }
    for r in rows:
        if r.label:
            about[r.video]["compression"] = "c23" if r.video in ("f0", "f1") else "c40"
    return rows, about


def test_parts_of_the_videos_by_hand():
    rows, about = people()
    videos = video_scores(rows, np.mean, "chance")
    found = {
        (p.by, p.value): p for p in break_down(rows, videos, about, METRICS, Chosen(), draws=200)
    }
    assert {by for by, _ in found} == {"method", "sex", "compression", "face size"}
    assert found["method", "b"].coverage == pytest.approx(2 / 3)
    assert found["method", "a"].coverage == 1
    assert [found["method", "a"].videos, found["sex", "f"].videos] == [3, 8]
    sex, compression = found["sex", "m"], found["compression", "c23"]
    assert (sex.reals, compression.reals) == ("same", "all")
    auc = {p: next(m for m in found[p].metrics if m.name == "video/auc") for p in found}
    assert (auc["sex", "m"].n_real, auc["sex", "m"].n_fake) == (2, 2)
    assert (auc["compression", "c23"].n_real, auc["compression", "c23"].n_fake) == (6, 2)
    r, f = [0.15, 0.3], [0.4, 0.7]  # of p1
    assert auc["sex", "m"].value == np.mean([[b > a for a in r] for b in f])
    assert ("face size", "64-127 px") in found
    assert ("face size", "128-255 px") in found


def test_what_divides_nothing_is_passed_over():
    rows, _ = people()
    about = {r.video: {"name": f"{r.video}-{i}", "always": "x"} for i, r in enumerate(rows)}
    about |= {f"more{i}": {"name": str(i)} for i in range(30)}
    videos = video_scores(rows, np.mean, "chance")
    many = [row(f"x{i}", i % 2, 0.5) for i in range(50)]
    about |= {r.video: {"name": r.video} for r in many}
    parts = break_down([*rows, *many], videos, about, METRICS, Chosen(), draws=200)
    assert {p.by for p in parts} <= {"method"}


def test_what_is_known_of_the_videos_is_read_back(tmp_path):
    _, about = people()
    about["r0"]["note"] = 'a, "b"'
    write_about(about, tmp_path / "videos.csv")
    assert read_about(tmp_path / "videos.csv") == about
    assert read_about(tmp_path / "none.csv") == {}


def test_the_most_confident_mistakes_come_first():
    scores = table([0, 0, 0, 1, 1, 1], [0.1, 0.7, 0.95, 0.05, 0.5, 0.9])
    found = mistakes(scores, 0.6)
    assert [m.video for m in found] == ["v3", "v2", "v1", "v4"]
    assert found[0].confidence == pytest.approx(0.55 / 0.6)
    assert found[1].confidence == pytest.approx(0.35 / 0.4)
    assert mistakes(scores, None)[-1].video == "v1"
    assert mistakes(table([0, 1] * 20, [0.9, 0.1] * 20), 0.5)[0].confidence == pytest.approx(0.8)
    assert len(mistakes(table([0, 1] * 20, [0.9, 0.1] * 20), 0.5)) == 10


# --- adversaries -----------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1.5, -0.1])
def test_a_score_that_is_no_probability_is_refused(bad):
    rows = [row("a", 0, 0.1), row("b", 1, bad), row("c", 1, bad)]
    with pytest.raises(ResultError, match=r"2 scores are not between 0 and 1.* of b"):
        evaluate(rows, METRICS, "frame", np.mean, "chance", Chosen(), draws=200)


@pytest.mark.parametrize(
    "rows",
    [
        [row("a", 0, 0.5), row("b", 1, 0.5)],  # a test split of two videos
        [row(f"v{i}", i % 2, 0.5) for i in range(20)],  # all scores equal
        [row(f"v{i}", 1, i / 20) for i in range(20)],  # one class
        [row(f"v{i}", i % 2, None, status="no_face") for i in range(20)],  # nothing scored
    ],
    ids=["two videos", "equal scores", "one class", "no score"],
)
@pytest.mark.parametrize("on_missing", ["chance", "exclude"])
def test_poor_test_sets_give_numbers_or_reasons(rows, on_missing):
    chosen = choose(table([0, 1, 0, 1], [0.2, 0.6, 0.4, 0.8]))
    for metric in evaluate(rows, METRICS, "frame", np.mean, on_missing, chosen, draws=200):
        assert (metric.value is None) == (metric.reason is not None)
        if metric.value is not None:
            assert math.isfinite(metric.value)
        for end in (metric.low, metric.high):
            assert end is None or math.isfinite(end)


def test_a_metric_is_computed_on_its_own_level_alone():
    rows = [row(f"v{i}", i % 2, i / 30, clip=c) for i in range(20) for c in range(2)]
    found = {
        m.key for m in evaluate(rows, METRICS, "frame", np.mean, "chance", Chosen(), draws=200)
    }
    assert {"video/kaggle_log_loss", "video/log_loss", "frame/log_loss"} <= found
    assert "frame/kaggle_log_loss" not in found
    alone = [row(f"v{i}", i % 2, i / 30) for i in range(20)]  # frames and videos are the same
    found = {
        m.key for m in evaluate(alone, METRICS, "frame", np.mean, "chance", Chosen(), draws=200)
    }
    assert "frame/log_loss" in found
    assert "frame/kaggle_log_loss" not in found


def test_a_method_called_all_is_not_all_fakes():
    rows = [row("r", 0, 0.5), row("r2", 0, 0.5), row("a", 1, 0.9, method="all"), row("b", 1, 0.1)]
    found = {
        m.key: m for m in evaluate(rows, METRICS, "frame", np.mean, "chance", Chosen(), draws=200)
    }
    assert found["video/auc"].value == 0.5
    assert found["video/auc[method all]"].value == 1.0
