"""DeLong against its definition, and Holm's correction by hand."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from dfbench.evaluate.delong import components, covariance, grouped_covariance, midranks, p_value
from dfbench.evaluate.paired import holm


def direct(labels, scores):
    """AUCs and their covariance from the definition, pair by pair."""
    fakes, reals = scores[:, labels == 1], scores[:, labels == 0]
    wins = (fakes[:, :, None] > reals[:, None]) + (fakes[:, :, None] == reals[:, None]) / 2
    v10, v01 = wins.mean(2), wins.mean(1)
    theta = wins.mean((1, 2))
    s10 = (v10 - theta[:, None]) @ (v10 - theta[:, None]).T / (v10.shape[1] - 1)
    s01 = (v01 - theta[:, None]) @ (v01 - theta[:, None]).T / (v01.shape[1] - 1)
    return theta, s10 / v10.shape[1] + s01 / v01.shape[1]


@pytest.mark.parametrize("seed", range(30))
def test_delong_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    fakes, reals = rng.integers(2, 60, 2)
    labels = rng.permutation(np.repeat([1, 0], [fakes, reals]))
    scores = rng.random((3, len(labels))) + 0.4 * labels
    scores[1] = scores[0] + 0.3 * rng.random(len(labels))
    if seed % 2:
        scores = np.round(scores, 1)  # ties
    parts = components(labels, scores)
    aucs, expected = direct(labels, scores)
    np.testing.assert_allclose(parts.aucs, aucs, atol=1e-12)
    np.testing.assert_allclose(covariance(parts), expected, atol=1e-12)
    share = np.array([1, -1, 0])
    variance = share @ expected @ share
    z = (aucs[0] - aucs[1]) / np.sqrt(variance)
    assert p_value(aucs[0] - aucs[1], variance) == pytest.approx(2 * norm.sf(abs(z)), abs=1e-9)
    # A group a video: Obuchowski's variance is DeLong's.
    grouped = grouped_covariance(parts, labels, np.arange(len(labels)))
    np.testing.assert_allclose(grouped, expected, atol=1e-12)


def test_grouped_variance_equals_its_definition():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 2, 60), rng.integers(0, 9, 60)
    scores = np.round(rng.random((2, 60)) + 0.3 * labels, 1)
    parts = components(labels, scores)
    fake_groups, real_groups = groups[labels == 1], groups[labels == 0]
    fakes, reals = len(fake_groups), len(real_groups)
    total = np.zeros((2, 2))
    with_fake, with_real = len(set(fake_groups)), len(set(real_groups))
    every = len(set(groups))
    for j, k in itertools.product(range(2), range(2)):
        for g in set(groups):
            x = [(parts.fake[i] - parts.aucs[i])[fake_groups == g].sum() for i in (j, k)]
            y = [(parts.real[i] - parts.aucs[i])[real_groups == g].sum() for i in (j, k)]
            total[j, k] += with_fake / (with_fake - 1) * x[0] * x[1] / fakes**2
            total[j, k] += with_real / (with_real - 1) * y[0] * y[1] / reals**2
            total[j, k] += every / (every - 1) * (x[0] * y[1] + x[1] * y[0]) / (fakes * reals)
    np.testing.assert_allclose(grouped_covariance(parts, labels, groups), total, atol=1e-12)


def test_midranks_are_scipys():
    rng = np.random.default_rng(0)
    for shape in ((3, 40), (1, 1), (2, 0)):
        scores = rng.integers(0, 12, shape) / 8  # ties
        np.testing.assert_array_equal(midranks(scores), rankdata(scores, axis=1))


def test_what_delong_cannot_tell():
    labels = np.array([0, 0, 1, 1])
    parts = components(labels, np.array([[0.1, 0.2, 0.8, 0.9]] * 2))
    assert covariance(parts).tolist() == [[0, 0], [0, 0]]
    assert p_value(0.0, 0.0) == 1.0
    assert p_value(0.3, 0.0) == 0.0
    alone = components(np.array([0, 1, 1]), np.array([[0.1, 0.2, 0.3]]))
    assert np.isnan(covariance(alone)).all()
    assert np.isnan(p_value(0.1, float("nan")))
    with pytest.raises(ValueError, match="real and fake"):
        components(np.array([1, 1]), np.ones((1, 2)))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    corrected = holm([0.02, float("nan"), 0.01])
    assert corrected[0] == corrected[2] == 0.02
    assert np.isnan(corrected[1])
    assert holm([]) == []
