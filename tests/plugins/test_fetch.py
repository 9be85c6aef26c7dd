"""Runs of a tracking server become rows: a real server, each artifact downloaded once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from made_runs import add, make_spec
from tracked import free_port

from dfbench.catalogue import hookspecs
from dfbench.catalogue.plugins import open_catalogue
from dfbench.errors import OptionError, TrackingError, UnknownNameError
from dfbench.results.result import load_result
from dfbench_leaderboard.rows.board import make_board
from dfbench_leaderboard.rows.sources import Sources
from dfbench_mlflow import fetch as module

EXPERIMENT = "dfbench/sample -> sample"


def fetch(address: str, folder: Path, *experiments: str) -> list[Any]:
    return list(open_catalogue().fetch_runs(address, experiments, folder))


def test_the_hook_is_there() -> None:
    assert hookspecs.dfbench_fetch_runs.__doc__
    assert len(open_catalogue().manager.hook.dfbench_fetch_runs.get_hookimpls()) == 1


class Tracked:
    """Runs logged through MLflow's own API, as anyone may: artifacts and no tags of ours."""

    def __init__(self, address: str, folder: Path) -> None:
        from mlflow import MlflowClient

        self.address, self.folder = address, folder
        self.client = MlflowClient(tracking_uri=address)
        self.experiment = self.client.create_experiment(EXPERIMENT)
        self.other = self.client.create_experiment("of somebody else")
        self.specs = [make_spec(name, seed) for name in ("a", "b", "c") for seed in (0, 1)]
        self.folders = [
            add(folder / "runs", spec, 0.6 + i / 20) for i, spec in enumerate(self.specs)
        ]
        with ThreadPoolExecutor(6) as pool:
            self.ids = list(pool.map(self.log, self.folders))

    def log(self, folder: Path, experiment: str = "") -> str:
        run = self.client.create_run(experiment or self.experiment)
        for name in ("spec.json", "predictions.csv", "videos.csv", "result.json"):
            self.client.log_artifact(run.info.run_id, str(folder / name))
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)


@pytest.fixture(scope="module")
def tracked(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        yield Tracked(server, tmp_path_factory.mktemp("tracked"))


def test_a_board_from_the_server_is_that_from_the_folders(tracked: Tracked) -> None:
    from_server = make_board(Sources(mlflow=(tracked.address,)))
    from_folders = make_board(Sources((tracked.folder / "runs",)))
    shown = [
        [(one.entry.spec, one.entry.seeds, one.rank, one.value) for _, one in board.rows()]
        for board in (from_server, from_folders)
    ]
    assert len(shown[0]) == 3
    assert shown[0] == shown[1]
    (source, *_) = [row.source for _, one in from_server.rows() for row in one.entry.rows]
    assert source.startswith(f"{tracked.address}/#/experiments/{tracked.experiment}/runs/")


def test_nothing_is_downloaded_twice_and_what_changed_is(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fetch(tracked.address, tmp_path, EXPERIMENT)
    names = {path.name for path in first[0].folder.iterdir()}
    assert names == {"spec.json", "predictions.csv", "videos.csv", "result.json", ".fetched"}

    def poisoned(*_: object) -> None:
        raise AssertionError("downloaded again")

    with monkeypatch.context() as patch:
        patch.setattr(module._Fetching, "_download", poisoned)
        assert fetch(tracked.address, tmp_path, EXPERIMENT) == first
    tracked.client.set_tag(tracked.ids[0], module.SENT, "another result")
    data = json.loads((tracked.folders[0] / "result.json").read_text())
    (tmp_path / "changed").mkdir()
    changed = tmp_path / "changed/result.json"
    changed.write_text(json.dumps({**data, "notes": ["done anew"]}))
    tracked.client.log_artifact(tracked.ids[0], str(changed))
    again = fetch(tracked.address, tmp_path, EXPERIMENT)
    notes = {load_result(one.folder).notes for one in again}
    assert ("done anew",) in notes
    assert len(again) == len(first)


def test_an_interrupted_download_does_not_count(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "MARK", "result.json/no-such-place")  # breaks just before the end
        found = fetch(tracked.address, tmp_path, EXPERIMENT)
        assert {one.folder for one in found} == {None}
        assert all("could not be had" in one.reason for one in found)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(one.folder for one in fetch(tracked.address, tmp_path, EXPERIMENT))


def test_another_process_may_be_faster(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {one.folder.name: one.folder for one in fetch(tracked.address, tmp_path / "theirs")}
    real = module.shutil.rmtree

    def slow(folder: Path, **how: Any) -> None:
        real(folder, **how)
        if folder.name in theirs:  # just before ours takes its place
            copytree(theirs[folder.name], folder)

    monkeypatch.setattr(module.shutil, "rmtree", slow)
    found = fetch(tracked.address, tmp_path / "ours")
    assert {one.folder and one.folder.name for one in found} == set(theirs)
    assert not list((tmp_path / "ours").glob("*/.*"))


def test_other_files_stay_there_and_pages_are_followed(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tracked.client
    experiment = client.create_experiment("with more files")
    runs = [tracked.log(folder, experiment) for folder in tracked.folders[:3]]
    for name in ("validation.csv", "model.bin", "models/result.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
        client.log_artifact(runs[0], str(tmp_path / name), "models" if "/" in name else None)
    client.create_run(experiment, tags={"dfbench.matrix": "m", "dfbench.run_id": "r"})
    monkeypatch.setattr(module, "PAGE", 2)
    before = dict(os.environ)
    found = fetch(tracked.address, tmp_path / "out", "with more files", "with more files")
    assert dict(os.environ) == before
    assert len(found) == 4
    folders = {one.folder.name: one.folder for one in found if one.folder}
    assert set(folders) == set(runs)
    names = {path.name for path in folders[runs[0]].iterdir()}
    assert names == {
        "spec.json",
        "predictions.csv",
        "videos.csv",
        "validation.csv",
        "result.json",
        ".fetched",
    }


def test_what_is_no_run_of_ours_says_why(tracked: Tracked, tmp_path: Path) -> None:
    client = tracked.client
    bare = client.create_run(tracked.other).info.run_id
    parent = client.create_run(tracked.other, tags={"dfbench.matrix": "m"}).info.run_id
    gone = tracked.log(tracked.folders[0], tracked.other)
    client.delete_run(gone)
    (one,) = fetch(tracked.address, tmp_path, "of somebody else")
    assert (one.folder, one.reason) == (None, "has no result.json yet: it runs")
    assert bare in one.source
    assert parent not in one.source
    assert len(fetch(tracked.address, tmp_path)) == len(tracked.ids)  # by default ours alone


def test_an_unknown_experiment_has_near_matches(tracked: Tracked, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'dfbench/sample -> sample'"):
        fetch(tracked.address, tmp_path, "dfbench/sample->sample")


def test_a_server_that_is_gone_is_one_line(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(TrackingError, match="did not give its runs") as caught:
        fetch(f"http://me:sec@ret@127.0.0.1:{free_port()}", tmp_path)
    assert "\n" not in str(caught.value)
    assert "ret@" not in str(caught.value)


def test_a_local_store_works_and_a_missing_one_is_said(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    address = f"sqlite:///{tmp_path}/store.db"
    client = MlflowClient(tracking_uri=address)
    experiment = client.create_experiment(EXPERIMENT, (tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment)
    folder = add(tmp_path / "runs", make_spec("a"))
    for name in ("spec.json", "predictions.csv", "result.json"):
        client.log_artifact(run.info.run_id, str(folder / name))
    client.set_terminated(run.info.run_id)
    (one,) = fetch(address, tmp_path / "there")
    assert load_result(one.folder) == load_result(folder)
    with pytest.raises(TrackingError, match="is not there"):
        fetch(f"sqlite:///{tmp_path}/other.db", tmp_path / "there")
    assert not (tmp_path / "other.db").exists()


def test_a_store_of_files_works_and_a_missing_one_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    address = (tmp_path / "mlruns").as_uri()
    folder = add(tmp_path / "runs", make_spec("a"))
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = MlflowClient(tracking_uri=address)
        run = client.create_run(client.create_experiment(EXPERIMENT))
        for name in ("spec.json", "predictions.csv", "result.json"):
            client.log_artifact(run.info.run_id, str(folder / name))
        client.set_terminated(run.info.run_id)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    (one,) = fetch(address, tmp_path / "there")
    assert load_result(one.folder) == load_result(folder)
    with pytest.raises(TrackingError, match="is not there"):
        fetch((tmp_path / "other").as_uri(), tmp_path / "there")
    assert not (tmp_path / "other").exists()
    assert "MLFLOW_ALLOW_FILE_STORE" not in os.environ


def test_an_address_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no plugin knows such a tracking server"):
        fetch("wandb:team/project", tmp_path)
