"""From rows to numbers: levels, missing scores, thresholds, intervals over groups."""

import numpy as np
import pytest

from dfbench.catalogue.cards import MetricCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.evaluate.decide import Chosen, choose_threshold
from dfbench.evaluate.metrics import evaluate
from dfbench.evaluate.scores import clip_scores, coverage, video_scores

METRICS = open_catalogue().metrics()


def row(video, label, score, *, clip=0, method=None, group="", status="ok", dataset="d"):
    method = method or ("m" if label else None)
    return Prediction(dataset, video, clip, 0, label, score, method, group or video, status)


def values(rows, threshold=None, on_missing="chance", **kwargs):
    chosen = Chosen({} if threshold is None else {"val": threshold})
    found = evaluate(rows, METRICS, "frame", np.mean, on_missing, chosen, draws=200, **kwargs)
    return {metric.key: metric for metric in found}


def test_videos_of_one_name_under_two_methods_never_merge():
    """Fault 3: grouping by folder name merged the fakes of four methods and hid the errors."""
    rows = []
    for method, score in (("a", 0.9), ("b", 0.1)):
        rows.append(row(f"{method}/000_003", 1, score, method=method))
        rows.append(row(f"real-{method}/000", 0, 0.5))
    videos = video_scores(rows, np.mean, "chance")
    assert len(videos) == 4
    found = values(rows)
    assert found["video/auc"].value == 0.5
    assert found["video/auc[a]"].value == 1.0
    assert found["video/auc[b]"].value == 0.0


def test_class_accuracies_do_not_depend_on_the_order_of_rows():
    """Fault 5: accuracy by class assumed rows sorted by label."""
    rows = [row(f"v{i}", i % 2, 0.99) for i in range(20)]
    found = values(rows)
    assert found["video/accuracy@0.5"].value == 0.5
    assert found["video/recall@0.5"].value == 1.0
    assert found["video/precision@0.5"].value == 0.5


def test_auc_uses_raw_scores_not_decisions():
    """Fault 13."""
    rows = [row("a", 0, 0.6), row("b", 1, 0.7), row("c", 0, 0.8), row("d", 1, 0.9)]
    assert values(rows)["video/auc"].value == 0.75


def test_a_metric_says_its_level():
    """Fault 12: two frames a video; the frame AUC is not the video AUC."""
    rows = [
        *(row("real", 0, s, clip=i) for i, s in enumerate((0.1, 0.7))),
        *(row("fake", 1, s, clip=i) for i, s in enumerate((0.2, 0.9))),
    ]
    found = values(rows)
    assert found["video/auc"].value == 1.0
    assert found["frame/auc"].value == 0.75


def test_a_missing_score_counts_as_chance_and_shows_in_coverage():
    """Fault 14."""
    rows = [row("a", 0, 0.1), row("b", 1, None, status="unreadable"), row("c", 1, 0.9)]
    assert coverage(rows) == pytest.approx(2 / 3)
    assert sorted(video_scores(rows, np.mean, "chance").scores) == [0.1, 0.5, 0.9]
    assert sorted(video_scores(rows, np.mean, "exclude").scores) == [0.1, 0.9]
    assert values(rows)["video/auc"].n_fake == 2
    assert values(rows, on_missing="exclude")["video/auc"].n_fake == 1


def test_a_partly_read_video_is_scored_from_what_was_read():
    rows = [row("a", 1, 0.8, clip=0), row("a", 1, None, clip=1, status="unreadable")]
    assert video_scores(rows, np.mean, "chance").scores.tolist() == [0.8]
    assert clip_scores(rows, "frame", "chance").scores.tolist() == [0.8, 0.5]


def test_one_class_gives_a_reason_instead_of_an_exception():
    found = values([row("a", 1, 0.3), row("b", 1, 0.4)])
    assert found["video/auc"].value is None
    assert found["video/auc"].reason == "only fake videos"
    assert found["video/accuracy@0.5"].value == 0.0


def test_the_interval_is_drawn_over_groups():
    """Ten videos of each person are nearly copies: ten times the videos, hardly more knowledge."""
    rng = np.random.default_rng(0)
    rows = []
    for person in range(24):
        label = person % 2
        shift = 0.45 + 0.1 * label + rng.normal(0, 0.15)
        for i in range(10):
            score = float(np.clip(shift + rng.normal(0, 0.01), 0, 1))
            rows.append(row(f"p{person}/{i}", label, score, group=f"p{person}"))
    alone = [Prediction(**{**_fields(r), "group": r.video}) for r in rows]
    grouped, single = values(rows)["video/auc"], values(alone)["video/auc"]
    assert grouped.value == single.value
    assert grouped.high - grouped.low > 2 * (single.high - single.low)


def _fields(prediction):
    return {name: getattr(prediction, name) for name in Prediction.__slots__}


def test_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(1)
    rows = [row(f"v{i}", i % 2, float(rng.random())) for i in range(40)]
    one, two, other = (values(rows, seed=s)["video/auc"] for s in (0, 0, 1))
    assert (one.low, one.high) == (two.low, two.high)
    assert (one.low, one.high) != (other.low, other.high)
    assert one.low <= one.value <= one.high


def test_a_plugin_metric_without_weights_gets_an_interval_too():
    card = MetricCard(
        name="mean_gap", summary="", target=f"{__name__}:mean_gap", higher_is_better=True
    )
    rng = np.random.default_rng(3)
    rows = [row(f"v{i}", i % 2, float(rng.random() / 2 + 0.5 * (i % 2))) for i in range(40)]
    (found, *_) = evaluate(rows, {"mean_gap": card}, "frame", np.mean, "chance", Chosen(), draws=50)
    assert found.key == "video/mean_gap"
    assert found.low < found.value < found.high


def test_a_metric_that_raises_loses_itself_and_nothing_else():
    rows = [row("a", 0, 0.1), row("b", 1, 0.9)]
    broken = MetricCard(name="x", summary="", target=f"{__name__}:raises", higher_is_better=True)
    two = {"x": broken, "auc": METRICS["auc"]}
    found = evaluate(rows, two, "frame", np.mean, "chance", Chosen())
    by_key = {metric.key: metric for metric in found}
    assert by_key["video/x"].value is None
    assert by_key["video/x"].reason == "ValueError: no"
    assert by_key["video/auc"].value == 1.0


def raises(*_):
    raise ValueError("no")


def mean_gap(labels, scores):
    return scores[labels == 1].mean() - scores[labels == 0].mean()


@pytest.mark.parametrize(
    ("real", "fake", "expected"),
    [
        ([0.1, 0.2], [0.6, 0.9], 0.4),  # halfway between the neighbours of the gap
        ([0.5, 0.5], [0.5, 0.5], 0.0),  # nothing to choose from: all the same decision
        ([0.7, 0.8], [0.9, 0.95], 0.85),
    ],
)
def test_the_threshold_separates_best_on_validation(real, fake, expected):
    rows = [row(f"r{i}", 0, s) for i, s in enumerate(real)]
    rows += [row(f"f{i}", 1, s) for i, s in enumerate(fake)]
    scores = video_scores(rows, np.mean, "chance")
    assert choose_threshold(scores) == pytest.approx(expected)


def test_decisions_are_made_at_the_threshold_from_validation():
    rows = [row("a", 0, 0.6), row("b", 1, 0.9)]
    found = values(rows, threshold=0.8)
    assert found["video/accuracy@0.5"].value == 0.5
    assert found["video/accuracy@val"].value == 1.0
    assert found["video/accuracy@val"].threshold == 0.8


def test_a_hundred_thousand_videos_take_seconds_and_little_memory():
    rng = np.random.default_rng(0)
    n = 20_000  # a fifth, so that the suite stays short; the cost grows linearly
    labels = rng.integers(0, 2, n)
    scores = rng.random(n) * 0.5 + labels * 0.2
    rows = [
        row(f"v{i}", int(y), float(s)) for i, (y, s) in enumerate(zip(labels, scores, strict=True))
    ]
    found = evaluate(rows, {"auc": METRICS["auc"]}, "frame", np.mean, "chance", Chosen(), draws=200)
    auc = next(metric for metric in found if metric.key == "video/auc")
    assert auc.high - auc.low < 0.02
