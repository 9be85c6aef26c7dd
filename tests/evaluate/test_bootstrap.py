"""Intervals hold what they promise: in simulations they cover the truth about 95 times in 100."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from dfbench.catalogue.records import FAKE, REAL
from dfbench.evaluate.bootstrap import Bootstrap, Measure
from dfbench_metrics import functions

SIMULATIONS = 500


def people(rng, groups, each, auc, alike, mixed):
    """Labels, scores and groups of ``groups`` people with ``each`` videos of a class. The scores of
    a class are normal; ``alike`` is the share of their variance that one person's videos share."""
    shift = norm.ppf(auc) * np.sqrt(2)
    if mixed:  # everyone is shown in real and in fake videos
        group = np.repeat(np.arange(groups), 2 * each)
        labels = np.tile(np.repeat([0, 1], each), groups)
    else:
        group = np.repeat(np.arange(groups), each)
        labels = group % 2
    own = rng.normal(size=(groups, 2))[group, labels] * np.sqrt(alike)
    scores = shift * labels + own + rng.normal(size=len(group)) * np.sqrt(1 - alike)
    return labels, scores, group


def covered(auc, *, grouped=True, draws=400, **kwargs):
    """Share of simulations whose interval holds the true AUC."""
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(SIMULATIONS):
        labels, scores, group = people(rng, auc=auc, **kwargs)
        order = np.argsort(-scores)
        labels, scores, group = labels[order], scores[order], group[order]
        alone = np.arange(len(labels))
        bootstrap = Bootstrap(group if grouped else alone, labels, draws, seed)
        ((low, high),) = bootstrap.intervals([Measure(functions.auc, labels, scores, True)])
        hits += low <= auc <= high
    return hits / SIMULATIONS


@pytest.mark.parametrize(
    ("auc", "shape"),
    [
        (0.75, {"groups": 60, "each": 1, "alike": 0.0, "mixed": False}),
        (0.95, {"groups": 80, "each": 1, "alike": 0.0, "mixed": False}),
        (0.75, {"groups": 14, "each": 4, "alike": 0.5, "mixed": True}),
        (0.9, {"groups": 30, "each": 4, "alike": 0.5, "mixed": True}),
        (0.8, {"groups": 50, "each": 4, "alike": 0.6, "mixed": False}),
    ],
    ids=str,
)
def test_intervals_cover_the_true_auc(auc, shape):
    assert 0.92 <= covered(auc, **shape) <= 0.98


def test_videos_drawn_one_by_one_would_promise_too_much():
    """Where the videos of a person resemble each other, an interval that ignores it is too narrow:
    the reason why whole people are drawn."""
    assert covered(0.8, grouped=False, groups=50, each=4, alike=0.6, mixed=False) < 0.85


def test_groups_are_drawn_whole_and_as_many_as_there_are():
    groups = np.repeat([3, 7, 9], [2, 3, 1])
    bootstrap = Bootstrap(groups, np.array([0, 1, 0, 1, 1, 0]), 500, 0)
    weights = np.concatenate(list(bootstrap.weights()))
    assert weights.shape == (500, 6)
    for start, end in ((0, 2), (2, 5)):
        assert (weights[:, start:end] == weights[:, [start]]).all()
    times = weights[:, [0, 2, 5]]
    assert (times.sum(1) == 3).all()
    assert times.mean() == pytest.approx(1, abs=0.05)
    assert times.var() == pytest.approx(2 / 3, abs=0.1)  # of a multinomial draw of 3 from 3


def test_every_part_is_left_out_once():
    groups = np.array([0, 1, 2, 0, 1, 2])
    left = np.concatenate(list(Bootstrap(groups, groups % 2, 200, 0).left_out()))
    assert left.tolist() == [[0, 1, 1] * 2, [1, 0, 1] * 2, [1, 1, 0] * 2]
    many = Bootstrap(np.arange(1000), np.arange(1000) % 2, 200, 0)
    assert (np.concatenate(list(many.left_out())) == 0).sum(0).tolist() == [1] * 1000


def test_merged_decisions_give_the_interval_of_single_ones():
    rng = np.random.default_rng(1)
    labels, decisions = rng.integers(0, 2, 80), rng.integers(0, 2, 80).astype(float)
    one = Measure(functions.f1, labels, decisions, True)
    bootstrap = Bootstrap(np.arange(80) // 2, labels, 300, 0)
    apart, together = bootstrap.intervals([one, one.merged()])
    assert apart == pytest.approx(together, abs=1e-12)


@pytest.mark.parametrize("missing", [REAL, FAKE])
def test_one_group_of_a_class_gives_no_interval(missing):
    labels = np.array([missing, 1 - missing, 1 - missing, 1 - missing])
    bootstrap = Bootstrap(np.arange(4), labels, 200, 0)
    measure = Measure(functions.auc, labels, np.array([0.9, 0.5, 0.2, 0.1]), True)
    assert bootstrap.intervals([measure]) == [(None, None)]
    assert np.isnan(bootstrap.p_value(np.array([0.1, 0.2])))


def test_a_perfect_test_set_does_not_prove_a_perfect_detector():
    """Every draw of a perfect ranking is perfect, too."""
    labels = np.repeat([1, 0], 10)
    measure = Measure(functions.auc, labels, np.linspace(1, 0, 20), True)
    ((low, high),) = Bootstrap(np.arange(20), labels, 200, 0).intervals([measure])
    assert (low, high) == (pytest.approx(0.025 ** (1 / 10)), 1.0)
    same = np.concatenate([np.repeat([0.9, 0.1], 10)[::-1], np.repeat([0.9, 0.1], 10)])
    where = np.tile(np.arange(10), 4)  # each group: a fake found, one not, two reals
    both = Measure(functions.accuracy, np.repeat([1, 0], 20), (same > 0.5).astype(float), True)
    ((low, high),) = Bootstrap(where, both.labels, 200, 0).intervals([both])
    assert low == pytest.approx(0.5 * 0.025 ** (1 / 10))
    assert high == pytest.approx(1 - low)
    low = 0.025 ** (1 / 10)
    assert binomtest(10, 10).proportion_ci(0.95).low == pytest.approx(low)


def test_the_p_value_is_the_level_at_which_the_interval_ends_at_zero():
    rng = np.random.default_rng(2)
    bootstrap = Bootstrap(np.arange(40), np.arange(40) % 2, 4000, 0)
    differences = rng.normal(1, 0.5, 4000)
    low, _ = bootstrap.quantiles(differences)
    at_the_end = differences - low
    assert bootstrap.p_value(at_the_end) == pytest.approx(0.05, abs=0.005)
    assert bootstrap.p_value(-at_the_end) == pytest.approx(0.05, abs=0.005)
    assert bootstrap.p_value(np.zeros(100)) == 1.0
    assert 0 < bootstrap.p_value(np.ones(4000)) < 0.01
