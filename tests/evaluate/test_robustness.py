"""Perturbed tests: one training, one preparation, a run each; what they say together."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from PIL import Image
from rich.console import Console
from tracked_runs import make_spec

import dfbench
from dfbench.cli.terminal.scores import print_robustness
from dfbench.errors import ResultError
from dfbench.evaluate.robustness import robustness_of
from dfbench.plots.robustness import robustness_figure, write_robustness
from dfbench.results.result import MetricValue, RunResult, load_result

AUCS = {"": 0.9, "jpeg=10": 0.5, "jpeg=90": 0.8, "blur=1": 0.9, "blur=5": 0.7, "blur=3": 0.8}


def result(variant: str, auc: float | None, spec=None) -> RunResult:
    spec = replace(spec or make_spec(), variant=variant)
    low, high = (None, None) if auc is None else (auc - 0.05, min(auc + 0.05, 1.0))
    about = {"low": low, "high": high, "n_real": 4, "n_fake": 8}
    metrics = [MetricValue(name="video/auc", value=auc, **about)]
    for method, by in (("swap", 0.02), ("warp", -0.02)):
        value = None if auc is None else auc + by
        metrics.append(MetricValue(name="video/auc", subset=method, value=value, n_real=4))
    return RunResult(spec=spec, status="finished", metrics=tuple(metrics))


@pytest.fixture
def results() -> list[RunResult]:
    return [result(variant, auc) for variant, auc in AUCS.items()]


# --- from results to numbers --------------------------------------------------------------------


def test_the_mean_corruption_drop_counts_each_perturbation_the_same(results):
    (found,) = robustness_of(results)
    assert found.mean_drop("jpeg") == pytest.approx((0.4 + 0.1) / 2)
    assert found.mean_drop("blur") == pytest.approx((0.0 + 0.1 + 0.2) / 3)
    assert found.mean_drop() == pytest.approx((0.25 + 0.1) / 2)
    assert found.relative(found.mean_drop()) == pytest.approx(0.175 / 0.4)
    assert found.mean_drop(subset="warp") == pytest.approx(0.175)


def test_values_stand_from_mild_to_severe_whatever_the_order_of_runs(results):
    (found,) = robustness_of(results[::-1])
    values = {name: [t.by.value for t in tests] for name, tests in found.perturbed.items()}
    assert values == {"jpeg": [90, 10], "blur": [1, 3, 5]}


def test_a_detector_at_chance_has_no_relative_drop():
    (found,) = robustness_of([result("", 0.5), result("blur=1", 0.4)])
    assert found.relative(found.mean_drop()) is None


def test_another_test_set_is_another_table(results):
    spec = make_spec()
    other = replace(spec, test=replace(spec.test, dataset="else"))
    both = robustness_of([*results, result("", 0.6, other), result("blur=5", 0.6, other)])
    assert [found.clean.spec.test.dataset for found in both] == [spec.test.dataset, "else"]
    assert both[1].mean_drop() == 0.0
    assert robustness_of([result("", 0.9)]) == []


def test_without_the_clean_run_there_is_no_drop(results):
    with pytest.raises(ResultError, match="clean"):
        robustness_of(results[1:])


def test_the_table_can_be_computed_again_from_the_csv(results, tmp_path):
    table, picture = write_robustness(results, tmp_path)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["subset"] for row in rows} == {"all", "swap", "warp"}
    mine = [row for row in rows if row["subset"] == "all"]
    assert (mine[0]["perturbation"], mine[0]["severity"], float(mine[0]["auc"])) == (
        "clean",
        "0",
        0.9,
    )
    tested = {
        f"{r['perturbation']}={r['value']}": r for r in mine if r["severity"] not in ("", "0")
    }
    assert {name: float(row["auc"]) for name, row in tested.items()} == {
        name: auc for name, auc in AUCS.items() if name
    }
    drops = {name: 0.9 - float(row["auc"]) for name, row in tested.items()}
    assert all(float(tested[name]["drop"]) == pytest.approx(drop) for name, drop in drops.items())
    assert mine[-1]["perturbation"] == "mean"
    assert float(mine[-1]["drop"]) == pytest.approx(0.175)
    assert min(Image.open(picture).size) > 400


def test_the_picture_has_a_panel_a_perturbation_from_clean_to_severe(results):
    (found,) = robustness_of(results)
    figure = robustness_figure(found)
    ticks = {
        axes.get_title(): [t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes
    }
    assert ticks == {"jpeg": ["clean", "90", "10"], "blur": ["clean", "1", "3", "5"]}
    assert figure.get_supylabel() == "video AUC"
    curves = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert curves["all fakes, 95 % interval"] == [0.9, 0.8, 0.5]


def test_one_class_has_a_table_without_numbers(tmp_path):
    lost = [result("", None), result("blur=1", None)]
    (found,) = robustness_of(lost)
    assert found.mean_drop() is None
    assert len(write_robustness(lost, tmp_path)) == 2


def test_the_table_fits_a_terminal(results):
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    print_robustness(results, console)
    text = console.export_text()
    assert "mean corruption drop 0.175" in text
    assert "44% of what the clean AUC is above chance" in " ".join(text.split())
    assert "0.450-0.550" in text


# --- runs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory) -> Path:
    """Four videos; real ones are smooth, fake ones have texture. And weights, untrained."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(4):
        fake = number % 2
        rng = np.random.default_rng(number)
        image = np.full((64, 64, 3), 60 + 30 * number, np.uint8)
        image += rng.integers(0, 60 if fake else 5, image.shape, np.uint8)
        path = folder / ("fake" if fake else "real") / f"{number}.mp4"
        make_video(path, frames=2, size=(64, 64), draw=lambda _, image=image: image, crf=5)
    state = dfbench.load_detector("meso4", seed=1).state_dict()
    (folder / "weights.safetensors").write_bytes(safetensors.torch.save(state))
    return folder


@pytest.fixture
def brief(monkeypatch) -> None:
    """Few bootstrap draws, no tracking: these tests are about which runs there are."""
    monkeypatch.setattr("dfbench.evaluate.bootstrap._BUDGET", 0)
    monkeypatch.setattr("dfbench.evaluate.bootstrap._FEWEST", 10)
    monkeypatch.setenv("DFBENCH_TRACKING", "off")


def run(videos: Path, out: Path, **asked) -> list[RunResult]:
    return dfbench.run(
        "meso4",
        train=None,
        test=["folder"],
        data_root=videos,
        faces="center",
        out=out,
        workers=0,
        weights=str(videos / "weights.safetensors"),
        **asked,
    )


@pytest.mark.usefixtures("brief")
def test_perturbed_tests_are_runs_beside_the_clean_one(videos, tmp_path):
    (plain,) = run(videos, tmp_path / "plain")
    asked = ("blur:0,5", "noise:3", "resize:1")
    found = run(videos, tmp_path / "both", perturb=asked)
    assert [r.spec.variant for r in found] == ["", "blur=5", "noise=3"]
    assert len({r.spec.model.model_id for r in found}) == 1
    folders = [r.spec.folder(tmp_path / "both") for r in found]
    assert [f.parent.name for f in folders] == ["folder", "folder+blur=5", "folder+noise=3"]
    scores = [(f / "predictions.csv").read_bytes() for f in folders]
    clean = plain.spec.folder(tmp_path / "plain") / "predictions.csv"
    assert scores[0] == clean.read_bytes(), "nothing is nothing, byte for byte"
    assert len(set(scores)) == 3
    prepared = ["prepare" in r.cost["seconds"] for r in found]
    assert prepared == [True, False, False], "one preparation for all"
    model = found[0].spec.model_folder(tmp_path / "both")
    assert (model / "robustness-folder.png").is_file()
    table = (model / "robustness-folder.csv").read_bytes()
    write_robustness([load_result(folder) for folder in folders], tmp_path)
    assert (tmp_path / "robustness-folder.csv").read_bytes() == table
    clean, noisy = run(videos, tmp_path / "seed", perturb="noise:3", seed=1)
    same, other = (
        (r.spec.folder(tmp_path / "seed") / "predictions.csv").read_bytes() for r in (clean, noisy)
    )
    assert same == scores[0]
    assert other != scores[2], "another seed is other noise"


@pytest.mark.usefixtures("brief")
def test_the_command_prints_the_clean_table_and_the_drops(videos, tmp_path, command):
    asked = [
        "run",
        "--detector",
        "meso4",
        "--train",
        "none",
        "--test",
        "folder",
        "--data-root",
        videos,
        "--weights",
        videos / "weights.safetensors",
        "--faces",
        "center",
        "--workers",
        0,
        "--out",
        tmp_path,
        "--perturb",
        "contrast:2",
        "--perturb",
        "jpeg:10",
    ]
    done = command(*asked)
    assert done.exit_code == 0, done.output
    assert "mean corruption drop" in done.stdout
    assert done.stdout.count("per video, with 95 % intervals") == 1
    told = json.loads(command(*asked, "--json").stdout)
    variants = [one["spec"]["variant"] for one in told["runs"]]
    assert variants == ["", "contrast=2", "jpeg=10"]
