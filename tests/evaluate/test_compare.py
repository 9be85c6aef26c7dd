"""Do two detectors differ? Tests that reject as often as they say, and the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from compared_runs import CARDS, a_run, a_spec, rows, sigmoid
from scipy.stats import norm

import dfbench
from dfbench.errors import OptionError, ResultError
from dfbench.evaluate.contenders import ask, make_table
from dfbench.evaluate.delong import components, covariance
from dfbench.evaluate.paired import SEEN, compare
from dfbench_metrics import functions


class Trial:
    """Simulated detectors of equal worth on people whose videos resemble each other."""

    def __init__(self, people, each, alike):
        self.groups = np.repeat(np.arange(people), 2 * each)
        self.labels = np.tile(np.repeat([0, 1], each), people)
        self.people, self.alike = people, alike

    def scores(self, rng, better=0.0):
        """Two detectors that share half of what they see; the first better by ``better``."""
        found = []
        common = self._noise(rng)
        for gain in (better, 0.0):
            noise = np.sqrt(0.5) * (common + self._noise(rng))
            found.append(sigmoid((1 + gain) * self.labels + noise))
        return np.stack(found)

    def _noise(self, rng):
        own = rng.normal(size=(self.people, 2))[self.groups, self.labels]
        each = rng.normal(size=len(self.labels))
        return np.sqrt(self.alike) * own + np.sqrt(1 - self.alike) * each


def table_of(trial, scores, tmp_path):
    runs = [
        a_run(tmp_path, a_spec(name), rows(trial.labels, s, trial.groups))
        for name, s in zip("ab", scores, strict=True)
    ]
    return make_table(runs)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Tables with any scores in them, without writing five hundred runs."""

    def fill(trial, scores):
        folder = tmp_path_factory.getbasetemp() / f"trial-{len(trial.labels)}-{trial.alike}"
        if trial not in known:
            known[trial] = table_of(trial, scores, folder)
        return replace(known[trial], scores=scores)

    known = {}
    return fill


def rejected(shell, trial, metric, test=None, trials=500, better=0.0):
    """Share of trials in which a test says that the two differ at the 5 % level."""
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(trials):
        table = shell(trial, trial.scores(rng, better))
        (pair,) = compare(table, ask(table, metric, CARDS), seed, draws=400).pairs
        hits += {pair.test: pair.p, **pair.others}[test or pair.test] < 0.05
    return hits / trials


@pytest.mark.parametrize("metric", ["auc", "accuracy", "brier"])
def test_no_difference_is_found_in_five_trials_of_a_hundred(shell, metric):
    assert 0.025 <= rejected(shell, Trial(60, 1, 0.0), metric) <= 0.075


@pytest.mark.parametrize(
    ("metric", "test"), [("auc", "delong_grouped"), ("auc", "bootstrap"), ("accuracy", "bootstrap")]
)
def test_also_where_the_videos_of_a_person_are_alike(shell, metric, test):
    assert 0.025 <= rejected(shell, Trial(30, 4, 0.6), metric, test) <= 0.075


def test_a_test_of_single_videos_would_find_differences_that_are_not_there(shell):
    assert rejected(shell, Trial(30, 4, 0.6), "auc", "delong") > 0.12


def test_a_difference_of_the_smallest_size_that_shows_is_found_four_times_of_five(shell):
    trial = Trial(60, 2, 0.3)
    rng = np.random.default_rng(2)
    smallest = np.mean(
        [
            compare(t, ask(t, "auc", CARDS), draws=200).pairs[0].smallest
            for t in (shell(trial, trial.scores(rng)) for _ in range(20))
        ]
    )
    # By how much the shift must grow for that difference in AUC, Phi(shift / sqrt 2).
    gain = np.sqrt(2) * norm.ppf(norm.cdf(1 / np.sqrt(2)) + smallest) - 1
    assert 0.7 <= rejected(shell, trial, "auc", trials=200, better=gain) <= 0.93


# --- seeds -----------------------------------------------------------------------------------


def seeds(tmp_path, name, labels, count, shift, rng, spread=0.0):
    return [
        a_run(
            tmp_path,
            a_spec(name, seed),
            rows(
                labels,
                sigmoid((shift + spread * rng.normal()) * labels + rng.normal(size=len(labels))),
            ),
        )
        for seed in range(count)
    ]


def test_seeds_are_one_contender_and_a_second_source_of_chance(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    runs = seeds(tmp_path, "a", labels, 3, 1.0, rng, 0.6) + seeds(
        tmp_path, "b", labels, 3, 1.5, rng
    )
    table = make_table(runs)
    assert [len(c.runs) for c in table.contenders] == [3, 3]
    found = compare(table, ask(table, "auc", CARDS))
    aucs = [functions.auc(labels, row) for row in table.scores]
    assert found.standings[0].value == pytest.approx(np.mean(aucs[:3]))
    assert found.standings[0].sd == pytest.approx(np.std(aucs[:3], ddof=1))
    (pair,) = found.pairs
    assert pair.test == "delong and seeds"
    parts = components(labels, table.scores)
    share = np.repeat([1 / 3, -1 / 3], 3)
    by_seed = sum(np.var(part, ddof=1) / 3 for part in (aucs[:3], aucs[3:]))
    assert pair.error**2 == pytest.approx(share @ covariance(parts) @ share + by_seed)
    assert pair.smallest == pytest.approx(SEEN * pair.error)
    assert pair.others["delong without seeds"] < pair.p
    assert pair.low < pair.difference < pair.high


def test_seeds_that_vary_are_not_taken_for_a_better_detector(tmp_path):
    """Two detectors of equal worth whose trainings vary: a test that knows the videos alone
    rejects far more often than it says."""
    rng = np.random.default_rng(3)
    labels = np.arange(200) % 2
    runs = seeds(tmp_path, "a", labels, 3, 1.0, rng) + seeds(tmp_path, "b", labels, 3, 1.0, rng)
    shape = make_table(runs)
    both = alone = 0
    for _ in range(200):
        shift = 1 + 0.5 * rng.normal(size=(6, 1))
        table = replace(shape, scores=sigmoid(shift * labels + rng.normal(size=(6, 200))))
        (pair,) = compare(table, ask(table, "auc", CARDS), draws=200).pairs
        both += pair.p < 0.05
        alone += pair.others["delong without seeds"] < 0.05
    assert both / 200 <= 0.08
    assert alone / 200 > 0.2


def test_a_single_seed_leaves_the_training_out_and_says_so(tmp_path, command):
    rng = np.random.default_rng(4)
    labels = np.arange(60) % 2
    one = seeds(tmp_path, "a", labels, 1, 1.0, rng) + seeds(tmp_path, "b", labels, 2, 2.0, rng)
    (pair,) = compare(make_table(one), ask(make_table(one), "auc", CARDS)).pairs
    assert pair.test == "delong"
    done = command("compare", *(run.folder for run in one))
    assert done.exit_code == 0, done.output
    assert "A single seed of a: how much the training varies is not known" in done.stdout
    assert "the smallest difference that these 60 videos in 60 groups show" in done.stdout


# --- tables that do not fit ------------------------------------------------------------------


def test_runs_on_other_videos_are_not_compared(tmp_path):
    labels = np.arange(20) % 2
    scores = np.linspace(0, 1, 20)
    one = a_run(tmp_path, a_spec("a"), rows(labels, scores))
    others = {
        "not tested on the same videos: 40 are": rows(labels, scores, prefix="w"),
        "not tested on the same videos: 2 are": rows(labels[:18], scores[:18]),
        "disagree on the labels of 20 videos": rows(1 - labels, scores),
    }
    for name, (words, predictions) in zip("bcd", others.items(), strict=True):
        two = a_run(tmp_path, a_spec(name), predictions)
        with pytest.raises(ResultError, match=words):
            make_table([one, two])
    blurred = a_run(tmp_path, a_spec("e", variant="blur=1"), rows(labels, scores))
    with pytest.raises(ResultError, match="saw the videos differently: 'as they are' and 'blur=1'"):
        make_table([one, blurred])
    with pytest.raises(ResultError, match="given twice"):
        make_table([one, one])


def test_the_order_of_rows_does_not_matter(tmp_path):
    rng = np.random.default_rng(5)
    labels, scores = np.arange(30) % 2, rng.random(30)
    one = a_run(tmp_path, a_spec("a"), rows(labels, scores))
    two = a_run(tmp_path, a_spec("b"), rows(labels, scores)[::-1])
    table = make_table([one, two])
    assert table.scores[0].tolist() == table.scores[1].tolist()
    (pair,) = compare(table, ask(table, "auc", CARDS)).pairs
    assert (pair.difference, pair.p, pair.low, pair.high) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    "labels", [[0, 1], [1, 1, 1], [0, 0, 1, 1]], ids=["two videos", "one class", "equal scores"]
)
def test_poor_test_sets_have_no_answer_but_no_error(tmp_path, labels, command):
    runs = [a_run(tmp_path, a_spec(name), rows(labels, [0.5] * len(labels))) for name in "ab"]
    done = command(
        "compare",
        *(run.folder for run in runs),
        "--metric",
        "auc",
        "--metric",
        "accuracy@0.5",
        "--json",
    )
    assert done.exit_code == 0, done.output
    for one in json.loads(done.stdout)["comparisons"]:
        (pair,) = one["pairs"]
        assert not pair["differ"]


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("frame/auc", "video/auc"),
        ("speed", "video/auc"),
        ("f1@fpr7", "no threshold @fpr7"),
        ("brier@isotonic", "no scores @isotonic"),
    ],
)
def test_a_metric_that_cannot_be_compared_is_named(tmp_path, metric, words):
    labels = np.arange(10) % 2
    runs = [a_run(tmp_path, a_spec(name), rows(labels, labels * 0.5)) for name in "ab"]
    with pytest.raises(OptionError, match=words):
        ask(make_table(runs), metric, CARDS)


# --- the command -----------------------------------------------------------------------------


def test_compare_in_every_form(tmp_path, command):
    rng = np.random.default_rng(8)
    labels, groups = np.arange(90) % 2, np.arange(90) // 3
    runs = [
        a_run(
            tmp_path,
            a_spec(name, trained=False),
            rows(labels, sigmoid(shift * labels + rng.normal(size=90)), groups),
        )
        for name, shift in (("a|b", 0.2), ("b", 2.5), ("<c>", 2.6))
    ]
    folders = [run.folder for run in runs]
    data = json.loads(command("compare", *folders, "--json").stdout)
    (one,) = data["comparisons"]
    assert (one["videos"], one["groups"], len(one["pairs"])) == (90, 30, 3)
    pair = one["pairs"][0]
    assert set(pair["tests"]) == {"delong", "delong_grouped", "bootstrap"}
    assert pair["p"] == pair["tests"]["delong_grouped"]
    assert pair["differ"]
    assert not one["pairs"][2]["differ"]
    assert pair["p_holm"] >= pair["p"]
    text = command("compare", *folders).stdout
    assert "not told apart" in text
    assert "differ" in text
    lines = command("compare", *folders, "--format", "csv").stdout.splitlines()
    assert len(lines) == 4
    markdown = command("compare", *folders, "--format", "markdown").stdout
    assert "a\\|b" in markdown
    assert "<c>" not in markdown


def test_compare_wants_two_detectors(tmp_path, command):
    labels = np.arange(20) % 2
    rng = np.random.default_rng(9)
    runs = seeds(tmp_path, "a", labels, 2, 1.0, rng)
    assert command("compare", runs[0].folder).exit_code == 2
    done = command("compare", *(run.folder for run in runs))
    assert done.exit_code == 2
    assert "differ only in seed" in done.stderr
    assert dfbench.load_result(runs[0].folder).status == "finished"
