"""Runs that dfbench 0.5 left on a disk: read, verified, ranked, and gone on with."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightning_fabric import Fabric

import dfbench
from dfbench.catalogue.reporter import Reporter
from dfbench.detector.network import build_detector
from dfbench.detector.tensors import read_tensors
from dfbench.evaluate import StoredRun, judge_again, open_run, verify
from dfbench.matrix.cells import Part, plan_matrix
from dfbench.results import DataSpec, RunSpec, load_result, read_predictions
from dfbench.running.plan import make_plan
from dfbench.running.request import Request
from dfbench.running.stages import Stages
from dfbench.training.checkpoint import resume
from dfbench.training.optim import make_optimizer
from dfbench.training.predict import predict
from dfbench_leaderboard.rows.board import make_board
from dfbench_leaderboard.rows.faults import submission_faults
from dfbench_leaderboard.rows.sources import Sources
from dfbench_leaderboard.rows.submitted import unpack

OLD = Path(__file__).resolve().parents[1] / "data" / "0.5"
FOLDERS = sorted(file.parent for file in OLD.glob("runs/*/*/*/*/*/result.json"))
IDS = [f"{folder.parents[2].name} on {folder.parent.name}, {folder.name}" for folder in FOLDERS]
MESO = Request(
    detector="meso4", train="sample", tests=("sample", "sample-control"), limit=4, epochs=1
)
BLUR = replace(MESO, tests=("sample",), perturb=("blur:2",))
R3D = replace(MESO, detector="r3d18:width=0.0625,size=32,frames=4", tests=("sample",))


@pytest.mark.parametrize("folder", FOLDERS, ids=IDS)
def test_a_run_is_read_under_its_id_and_holds(folder: Path) -> None:
    result = load_result(folder)
    spec = json.loads((folder / "spec.json").read_text())
    assert result.status == "finished"
    assert result.spec.run_id == spec["run_id"] == folder.name
    assert result.spec.model.model_id == spec["model_id"] == folder.parents[1].name
    assert result.spec.folder(OLD / "runs") == folder
    assert RunSpec.from_json(spec) == result.spec
    assert json.loads(json.dumps(result.spec.to_json())) == spec
    run = StoredRun(folder, result)
    assert verify(run, dfbench.open_catalogue().metrics()) == []
    assert judge_again(run, dfbench.open_catalogue().metrics()).metrics == result.metrics


def test_every_kind_of_run_is_there() -> None:
    specs = [load_result(folder).spec for folder in FOLDERS]
    assert {spec.model.plugin for spec in specs} == {"deepfake-bench", "imported", "ensemble"}
    assert {spec.variant for spec in specs} == {"", "blur=2"}
    assert {spec.seed for spec in specs} == {0, 1}
    assert {spec.test.dataset for spec in specs} == {"sample", "sample-control"}


def test_runs_are_ranked_and_none_is_left_out() -> None:
    board = make_board(Sources((OLD / "runs",)))
    assert board.left_out == []
    ranked = [one for contest in board.contests.values() for one in contest]
    assert sum(len(one.entry.rows) for one in ranked) == len(FOLDERS)


def test_a_submission_is_unpacked_and_holds(tmp_path: Path) -> None:
    folder = unpack(OLD / "meso4.zip", tmp_path)
    assert submission_faults(folder) == []
    assert load_result(folder).spec.run_id in {folder.name for folder in FOLDERS}


def test_a_run_is_found_by_the_beginning_of_its_id() -> None:
    assert open_run(FOLDERS[0].name[:8], OLD / "runs").folder == FOLDERS[0]


def of_that_machine(planned: RunSpec, folder: Path) -> RunSpec:
    """The plan as it would be with that machine's sample and decoder: other versions of x264 write
    files of other sizes, and what is tested here is how ids follow from what is asked."""
    old = load_result(folder).spec

    def data(new: DataSpec, was: DataSpec) -> DataSpec:
        return replace(new, fingerprint=was.fingerprint)

    assert planned.model.train is not None
    assert old.model.train is not None
    train = replace(planned.model.train, data=data(planned.model.train.data, old.model.train.data))
    model = replace(planned.model, reader=old.model.reader, train=train)
    return replace(planned, model=model, test=data(planned.test, old.test))


@pytest.mark.parametrize("asked", [MESO, BLUR, R3D], ids=["two tests", "perturbed", "3D"])
def test_the_same_command_gives_the_same_ids(asked: Request, sample_cache: Path) -> None:
    plan = make_plan(replace(asked, cache=sample_cache), dfbench.open_catalogue(), Reporter())
    for test in plan.tests:
        told = (test.spec.test.dataset, test.spec.variant, test.spec.model.detector, test.spec.seed)
        (old,) = [
            folder
            for folder in FOLDERS
            for spec in [load_result(folder).spec]
            if (spec.test.dataset, spec.variant, spec.model.detector, spec.seed) == told
        ]
        assert of_that_machine(test.spec, old).run_id == old.name


def test_a_matrix_plans_the_same_cells(sample_cache: Path) -> None:
    asked = replace(MESO, cache=sample_cache)
    part = Part("meso4", asked, ("sample",))
    models = plan_matrix([part], ("sample",), (0, 1), dfbench.open_catalogue(), Reporter())
    cells = [cell for model in models for cell in model.cells]
    old = [f for f in FOLDERS if f.parents[2].name == "meso4" and f.parent.name == "sample"]
    found = {load_result(folder).spec.seed: folder for folder in old}
    assert [cell.seed for cell in cells] == [0, 1]
    for cell in cells:
        assert cell.spec is not None
        assert of_that_machine(cell.spec, found[cell.seed]).run_id == found[cell.seed].name


@pytest.fixture
def training(tmp_path: Path) -> tuple[Any, Any, Path]:
    """A new Meso-4, its optimiser, and the folder that 0.5 was killed in after two epochs."""
    shutil.copy(OLD / "checkpoint.pt", tmp_path)
    settings = load_result(FOLDERS[-1]).spec.model.train
    detector = build_detector(dfbench.open_catalogue().detector("meso4")[1], {})
    fabric = Fabric(accelerator="cpu", devices=1)
    _, optimizer = fabric.setup(detector, make_optimizer(detector, settings, False))
    return detector, optimizer, tmp_path


def test_training_goes_on_from_a_checkpoint(training: tuple[Any, Any, Path]) -> None:
    detector, optimizer, folder = training
    progress = resume(folder, detector, optimizer)
    assert progress.epoch == 2
    assert 1 <= progress.best_epoch <= 2
    assert all(state["step"] > 0 for state in optimizer.state_dict()["state"].values())


def test_a_trained_model_gives_the_scores_it_gave(sample_cache: Path) -> None:
    """Weights of 0.5 score the sample's frames as they did: to rounding, on any processor."""
    old = [f for f in FOLDERS if (f.parents[1] / "model.safetensors").is_file()]
    (folder,) = (f for f in old if f.parent.name == "sample")
    plan = make_plan(replace(MESO, cache=sample_cache), dfbench.open_catalogue(), Reporter())
    stages = Stages(plan, Reporter())
    file = folder.parents[1] / "model.safetensors"
    detector = build_detector(plan.card, plan.options)
    detector.load(read_tensors(file), str(file))
    reader = stages.reader(stages.prepare(plan.tests[0].data), detector)
    rows = [
        row
        for chunk in predict(detector, reader, "sample", 16, 0, stages.fabric())
        for row in chunk
    ]
    before = read_predictions(folder)
    assert [(row.video, row.clip) for row in rows] == [(row.video, row.clip) for row in before]
    assert [row.score for row in rows] == pytest.approx([row.score for row in before], abs=0.02)
