"""Every metric against scikit-learn, weighted and not, on random cases with ties."""

import numpy as np
import pytest
from sklearn import metrics as reference

from dfbench.catalogue.plugins import open_catalogue
from dfbench_metrics import functions

SCORES = {
    "auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "partial_auc": lambda y, s, **kw: reference.roc_auc_score(y, s, max_fpr=0.1, **kw),
    "tpr_at_fpr1": lambda y, s, **kw: tpr_at(0.01, y, s, **kw),
    "tpr_at_fpr5": lambda y, s, **kw: tpr_at(0.05, y, s, **kw),
    "tpr_at_fpr10": lambda y, s, **kw: tpr_at(0.1, y, s, **kw),
    "log_loss": reference.log_loss,
    "brier": reference.brier_score_loss,
}


def tpr_at(most, labels, scores, **weights):
    fpr, tpr, _ = reference.roc_curve(labels, scores, drop_intermediate=False, **weights)
    return tpr[fpr <= most].max()


DECISIONS = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "specificity": lambda y, d, **kw: reference.recall_score(y, d, pos_label=0, **kw),
    "precision": lambda y, d, **kw: reference.precision_score(y, d, zero_division=0, **kw),
    "recall": lambda y, d, **kw: reference.recall_score(y, d, zero_division=0, **kw),
    "f1": lambda y, d, **kw: reference.f1_score(y, d, zero_division=0, **kw),
}


def cases(number=200, seed=0):
    rng = np.random.default_rng(seed)
    for i in range(number):
        n = int(rng.integers(2, 80))
        labels = rng.integers(0, 2, n)
        scores = rng.random(n)
        if i % 2:
            scores = np.round(scores, 1)  # ties
        weights = rng.integers(0, 4, n).astype(float)
        yield labels, scores, weights


def both_classes(labels, weights):
    return len(set(labels[weights > 0])) == 2


@pytest.mark.parametrize("name", SCORES)
def test_score_metrics_equal_scikit_learn(name):
    ours, theirs = getattr(functions, name), SCORES[name]
    for labels, scores, weights in cases():
        if both_classes(labels, np.ones(len(labels))):
            assert ours(labels, scores) == pytest.approx(theirs(labels, scores), abs=1e-9)
        if both_classes(labels, weights):
            expected = theirs(labels, scores, sample_weight=weights)
            assert ours(labels, scores, weights) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", DECISIONS)
def test_decision_metrics_equal_scikit_learn(name):
    ours, theirs = getattr(functions, name), DECISIONS[name]
    for labels, scores, weights in cases():
        decisions = (scores >= 0.5).astype(int)
        if both_classes(labels, weights):
            assert ours(labels, decisions) == pytest.approx(theirs(labels, decisions), abs=1e-9)
            expected = theirs(labels, decisions, sample_weight=weights)
            assert ours(labels, decisions, weights) == pytest.approx(expected, abs=1e-9)


def test_log_loss_is_clipped_as_on_kaggle():
    wrong_and_sure = functions.kaggle_log_loss([0, 1], [1.0, 1.0])
    assert wrong_and_sure == pytest.approx(-np.log(1e-15) / 2, rel=1e-3)
    assert functions.kaggle_log_loss([0, 1], [0.2, 0.7]) == pytest.approx(
        reference.log_loss([0, 1], [0.2, 0.7])
    )


def test_the_calibration_error_is_the_gap_in_each_bin():
    labels = np.array([0, 1, 1, 1, 0])
    scores = np.array([0.01, 0.05, 0.5, 0.51, 1.0])
    # bins of 1/15: {0.01, 0.05}, {0.5, 0.51}, {1.0}
    by_hand = (abs(0.06 - 1) + abs(1.01 - 2) + abs(1.0 - 0)) / 5
    assert functions.ece(labels, scores) == pytest.approx(by_hand)
    order = [3, 0, 4, 2, 1]
    assert functions.ece(labels[order], scores[order]) == pytest.approx(by_hand)
    twice = functions.ece(labels, scores, np.array([2.0, 1, 1, 1, 1]))
    assert twice == functions.ece([0, *labels], [0.01, *scores])


def test_a_calibrated_score_has_hardly_any_calibration_error():
    rng = np.random.default_rng(0)
    scores = rng.random(200_000)
    labels = (rng.random(len(scores)) < scores).astype(int)
    assert functions.ece(labels, scores) < 0.01
    assert functions.ece(labels, scores**3) > 0.2


def test_eer_lies_on_scikit_learns_roc_curve():
    for labels, scores, _ in cases():
        if not both_classes(labels, np.ones(len(labels))):
            continue
        fpr, tpr, _ = reference.roc_curve(labels, scores, drop_intermediate=False)
        share = np.linspace(0, 1, 2001)
        # Walk along the polyline itself: interpolating tpr over fpr would lose vertical steps.
        steps = np.arange(len(fpr))
        at = share * steps[-1]
        x, y = np.interp(at, steps, fpr), np.interp(at, steps, tpr)
        nearest = np.argmin(np.abs(x - (1 - y)))
        assert functions.eer(labels, scores) == pytest.approx(x[nearest], abs=0.5 * len(fpr) / 2000)


def test_eer_of_known_cases():
    assert functions.eer([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) == 0
    assert functions.eer([0, 0, 1, 1], [0.8, 0.9, 0.1, 0.2]) == 1
    assert functions.eer([0, 1], [0.5, 0.5]) == 0.5
    assert functions.eer([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9]) == 0.5


def test_many_draws_at_once_equal_one_by_one():
    for labels, scores, _ in cases(20, seed=1):
        weights = np.random.default_rng(2).integers(0, 3, (7, len(labels))).astype(float)
        for name, card in open_catalogue().metrics().items():
            values = (scores > 0.5).astype(float) if card.needs == "decisions" else scores
            function = card.resolve()
            together = function(labels, values, weights)
            alone = [function(labels, values, row) for row in weights]
            assert together.shape == (7,), name
            np.testing.assert_allclose(together, alone, atol=1e-12)


@pytest.mark.parametrize("name", ["auc", "average_precision", "eer"])
@pytest.mark.parametrize("label", [0, 1])
def test_a_single_class_has_no_ranking_metric(name, label):
    assert np.isnan(getattr(functions, name)([label] * 3, [0.1, 0.5, 0.9]))


@pytest.mark.parametrize("name", [*SCORES, *DECISIONS, "eer"])
def test_no_sample_has_no_metric(name):
    assert np.isnan(getattr(functions, name)([], []))


def test_every_metric_has_a_docstring_and_a_direction():
    for name, card in open_catalogue().metrics().items():
        assert card.resolve().__doc__, name
        assert isinstance(card.higher_is_better, bool)
