"""Attribution-based confidence: the paper's algorithm on networks whose answer is known, and runs
that get it added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from click.testing import Result
from safetensors.torch import save_file
from small_detectors import clips_of, small
from torch import Tensor, nn

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import Prediction
from dfbench.detector.network import Detector
from dfbench.errors import OptionError, ResourceError, ResultError
from dfbench.results.result import load_result
from dfbench.running.attribution import _sensitivity, confidence
from dfbench.running.confidence import Abc, Confidence, asked, read_confidences, summary

TINY = "r3d18:width=0.0625,frames=8,size=32"
PIXELS = 2 * 2 * 3


class Linear(nn.Module):
    """logit = sum of weight * value, plus bias."""

    def __init__(self, weights: dict[int, float], bias: float) -> None:
        super().__init__()
        self.weights = torch.zeros(PIXELS)
        for place, weight in weights.items():
            self.weights[place] = weight
        self.bias = bias

    def forward(self, clips: Tensor) -> Tensor:
        return clips.flatten(1) @ self.weights + self.bias


def linear(weights: dict[int, float], bias: float) -> Detector:
    return Detector(Linear(weights, bias), ClipSpec(size=2))


def lit(**changes: float) -> Tensor:
    """One view [1, 3, 1, 2, 2], all white but for ``p<place>``."""
    clip = torch.ones(PIXELS)
    for place, value in changes.items():
        clip[int(place[1:])] = value
    return clip.view(1, 3, 1, 2, 2)


def how(samples: int = 50, steps: int = 8, features: float = 1.0, clips: int = 0) -> Abc:
    return Abc(samples, steps, features, clips)


def value(detector: Detector, views: Tensor, settings: Abc, batch: int = 16) -> float:
    return confidence(detector, views, settings, np.random.default_rng(0), batch)


def test_a_decision_that_hangs_on_one_value_is_never_kept_without_it():
    assert value(linear({4: 1.0}, -0.5), lit(), how()) == 0.0


def test_a_decision_that_stands_without_it_is_always_kept():
    assert value(linear({4: 1.0}, 0.5), lit(), how()) == 1.0
    assert value(linear({4: 1.0}, -5.0), lit(), how()) == 1.0  # real, and stays so


def test_probabilities_are_in_proportion_to_attribution_over_value():
    """Of three values with |A/x| 1, 1 and 2, each that is lost alone or with others turns fake into
    real where at least 3 of 4 are needed: kept while the third, and one of the others, stay."""
    detector = linear({0: 1.0, 1: 1.0, 2: 2.0}, -2.5)
    expected = 0.5 * (1 - 0.25**2)
    samples = 20_000
    found = value(detector, lit(), how(samples), batch=4000)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / samples))


def test_the_value_itself_does_not_count_but_one_at_the_baseline_is_passed_over():
    half = value(linear({4: 1.0, 5: 1.0}, -0.8), lit(p5=0.5), how(4000), batch=4000)
    # Lost with 1/2 each: fake as long as the first one is there.
    assert half == pytest.approx(0.5, abs=0.04)
    assert value(linear({4: 1.0, 5: 9.0}, -0.5), lit(p5=0.0), how()) == 0.0


def test_sensitivity_is_captum_s_attribution_over_the_value():
    detector = small("r3d18").eval()
    clip = clips_of(detector.clip, 1)
    attributions = IntegratedGradients(detector).attribute(clip, 0.0, n_steps=4)
    expected = (attributions / clip).abs().detach().numpy()
    found = _sensitivity(detector, clip, 4, 3)  # in parts of three
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("name", "views"), [("r3d18", 1), ("fwa", 3), ("cnn_lstm", 1)])
def test_built_in_detectors_the_same_by_seed_whatever_the_batch_size(name, views):
    detector = small(name).eval()
    clip = clips_of(detector.clip, views)
    settings = how(10, 2, features=clip[0].numel() / 20)
    found = {value(detector, clip, settings, batch=batch) for batch in (4, 7)}
    assert len(found) == 1
    assert 0 <= found.pop() <= 1


def test_meso4():
    detector = small("meso4").eval()
    assert value(detector, clips_of(detector.clip, 1), how(4, 2)) in (0, 0.25, 0.5, 0.75, 1)


def test_views_are_combined_before_the_decision():
    """Of three views one is fake and sure of it, which ``combine`` takes as the clip's score: its
    decision falls with that view's pixel, not with those of the others."""
    detector = linear({4: 1.0}, -0.5)
    detector.network.combine = lambda scores: float(scores.max())  # type: ignore[union-attr]
    views = torch.cat([lit(), lit(p4=0.0), lit(p4=0.0)])
    assert value(detector, views, how()) == 0.0
    assert value(detector, torch.cat([lit(p4=0.0)] * 3), how()) == 1.0


def test_a_network_without_gradients_is_refused():
    class Steps(nn.Module):
        def forward(self, clips: Tensor) -> Tensor:
            return clips.flatten(1).detach().sum(1)

    with pytest.raises(OptionError, match="Steps has no gradient"):
        value(Detector(Steps(), ClipSpec(size=2)), lit(), how())


@pytest.mark.parametrize(
    "text",
    [
        "bac",
        "abc:samples=0",
        "abc:steps=x",
        "abc:size=3",
        "abc:features=0",
        "abc:features=nan",
        "abc:features=inf",
        "abc:clips=-1",
    ],
)
def test_settings_that_are_none(text):
    with pytest.raises(OptionError, match="--confidence"):
        asked(text)


def test_without_captum_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("dfbench.running.confidence.find_spec", lambda _: None)
    with pytest.raises(ResourceError, match=r'pip install "deepfake-bench\[attribution\]"'):
        asked("abc")


def test_summary_by_hand():
    of = enumerate([(1, 0.9), (0, 0.1), (1, 0.2), (0, 0.5)])
    rows = [Prediction("d", f"v{i}", 0, 0, label, s, None, "g", "ok") for i, (label, s) in of]
    given = [Confidence("d", f"v{i}", 0, c) for i, c in enumerate((1.0, 0.5, 0.25, 0.75))]
    assert summary(given, rows) == {
        "clips": 4,
        "right": 2,
        "wrong": 2,
        "mean_right": 0.75,
        "mean_wrong": 0.5,
        "auc_right": 0.75,
    }
    assert summary(given[:1], rows)["auc_right"] is None


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "confidence.csv").write_text("dataset,video,clip,confidence\nd,v,0\n")
    with pytest.raises(ResultError, match="damaged"):
        read_confidences(tmp_path / "confidence.csv")


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file({k: v.contiguous() for k, v in small("r3d18").state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    for number in range(3):
        make_video(root / "real" / f"r{number}.mp4", frames=40 + number)
        make_video(root / "fake" / f"f{number}.mp4", frames=44 + number, size=(96, 96))
    return root


@pytest.fixture
def run(command, videos, weights) -> Callable[..., Result]:
    """``dfbench run`` of a tiny network with random weights on six small videos."""

    def run(*more: object) -> Result:
        return command(
            "run",
            "--detector",
            TINY,
            "--train",
            "none",
            "--weights",
            weights,
            "--test",
            "folder",
            "--data-root",
            videos,
            "--faces",
            "center",
            "--workers",
            0,
            *more,
            DFBENCH_TRACKING="off",
        )

    return run


def ran(done: Result) -> None:
    assert done.exit_code == 0, done.output


ABC = ("--confidence", "abc:samples=5,steps=2,features=300")


def test_a_finished_run_gets_it_without_being_scored_again(run):
    ran(run())
    (file,) = Path("runs").glob("*/*/*/*/*/predictions.csv")
    before, plain = file.stat().st_mtime_ns, load_result(file.parent)
    ran(run(*ABC))
    rows = read_confidences(file.parent / "confidence.csv")
    assert file.stat().st_mtime_ns == before
    assert [(r.video, r.clip) for r in rows] == [
        tuple(line.split(",")[i] if i == 1 else int(line.split(",")[i]) for i in (1, 2))
        for line in file.read_text().splitlines()[1:]
    ]
    assert all(r.confidence * 5 == pytest.approx(round(r.confidence * 5)) for r in rows)
    result = load_result(file.parent)
    assert (result.spec, result.metrics) == (plain.spec, plain.metrics)
    told = result.provenance["confidence"]
    assert told["settings"] == {"samples": 5, "steps": 2, "features": 300.0, "clips": 0}
    assert told["right"] + told["wrong"] == len(rows)
    assert any(note.startswith("confidence abc:") for note in result.notes)
    assert not list(file.parent.glob(".confidence*"))

    given = (file.parent / "confidence.csv").read_bytes()
    written = (file.parent / "result.json").stat().st_mtime_ns
    ran(run(*ABC))  # there already: nothing to do
    assert (file.parent / "result.json").stat().st_mtime_ns == written
    ran(run("--confidence", "abc:samples=5,steps=2,features=300,clips=1"))
    assert len(read_confidences(file.parent / "confidence.csv")) == 6
    assert sum(n.startswith("confidence") for n in load_result(file.parent).notes) == 1
    ran(run("--again"))  # without it
    assert not (file.parent / "confidence.csv").exists()
    assert "confidence" not in load_result(file.parent).provenance
    ran(run("--again", *ABC))
    assert (file.parent / "confidence.csv").read_bytes() == given


def test_stopped_it_goes_on_with_the_next_video(run, monkeypatch):
    from dfbench.running import attribution

    whole = attribution.confidence
    calls: list[int] = []

    def counted(*args: Any) -> float:
        calls.append(1)
        if len(calls) == 10:  # in the third video of four clips each
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(attribution, "confidence", counted)
    assert run(*ABC).exit_code == 130
    (part,) = Path("runs").glob("*/*/*/*/*/.confidence-*.csv")
    assert len(part.read_text().splitlines()) == 1 + 2 * 4
    with part.open("a") as file:
        file.write("folder,fake/f2.mp4,0,0.")  # cut short
    stopped = len(calls)
    ran(run(*ABC))
    assert len(calls) - stopped == 4 * 4
    resumed = (part.parent / "confidence.csv").read_bytes()
    (part.parent / "confidence.csv").unlink()
    ran(run(*ABC))
    assert (part.parent / "confidence.csv").read_bytes() == resumed


def test_the_command_refuses_it_before_anything_is_done(run):
    done = run("--confidence", "xyz")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: --confidence is abc")
    assert not Path("runs").exists()
