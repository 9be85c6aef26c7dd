"""Detectors that make their own fakes, in a run: real videos alone, and landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_makers import SPEC, VIDEOS, points68, shipped
from one_line import in_one_line

import dfbench.faces.cut
from dfbench.catalogue.records import FAKE, REAL
from dfbench.catalogue.reporter import Reporter
from dfbench.errors import DataError, SplitError
from dfbench.faces.geometry import five_points
from dfbench.faces.prepare import prepare
from dfbench.faces.store import FaceStore
from dfbench.results.predictions import read_predictions
from dfbench.running.request import Request
from dfbench.running.runner import run


@pytest.fixture
def dataset(originals, tmp_path) -> Callable[..., Path]:
    """A folder with those videos that ``keep`` wants listed: ``name, kind, split, method``."""

    def make(name: str = "data", keep=lambda kind, split: True, method: str = "swap") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rows = [row for row in VIDEOS if keep(*row[1:])]
        for file, _, _ in rows:
            (folder / file).write_bytes((originals / file).read_bytes())
        lines = ["path,label,split,method", *(f"{f},{k},{s},{method}" for f, k, s in rows)]
        (folder / "videos.csv").write_text("\n".join(lines) + "\n")
        return folder

    return make


@pytest.fixture
def go(known, tmp_path, monkeypatch):
    """Run a detector on a folder; the model's folder, and its result."""
    monkeypatch.setenv("DFBENCH_TRACKING", "off")

    def go(root: Path, detector: str = "seam", dataset: str = "folder", out: str = "runs", **asked):
        asked = {"faces": "center", "device": "cpu", "workers": 0, **asked}
        request = Request(
            detector=detector,
            train=dataset,
            tests=(dataset,),
            out=tmp_path / out,
            data_roots={"": root},
            cache=tmp_path / "cache",
            **asked,
        )
        (result,) = run(request, known, Reporter())
        return result.spec.model_folder(tmp_path / out), result

    return go


# --- the run --------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", ["seam", "looks"])
def test_a_run_learns_from_real_videos_and_is_chosen_on_both_classes(dataset, go, detector):
    model, result = go(dataset(), detector, epochs=8)
    data = result.spec.model.train.data
    assert data.videos == 5  # three to train on, two to choose by
    assert any("makes its own fakes" in note and "5 real videos" in note for note in result.notes)
    rows = read_predictions(model / "validation.csv")
    expected = [
        (name, clip, label, method)
        for video in ("val-real0.mp4", "val-real1.mp4")
        for name, label, method in ((video, REAL, None), (f"{video}#made", FAKE, "made"))
        for clip in range(2)
    ]
    assert [(row.video, row.clip, row.label, row.method or None) for row in rows] == expected
    assert {row.status for row in rows} == {"ok"}
    assert all(row.score > 0.5 for row in rows if row.label == FAKE)
    assert all(row.score < 0.5 for row in rows if row.label == REAL)
    assert result.metric("video/auc").value == 1.0
    tested = read_predictions(model / "folder" / result.spec.run_id)
    assert {row.method for row in tested if row.label == FAKE} == {"swap"}
    assert not any("#" in row.video for row in tested)


def test_the_fakes_of_train_and_val_are_never_looked_at(dataset, go, monkeypatch):
    opened: list[str] = []
    open_video = dfbench.faces.cut.open_video

    def spy(path: Path):
        opened.append(path.name)
        return open_video(path)

    monkeypatch.setattr(dfbench.faces.cut, "open_video", spy)
    whole = dataset("whole")
    model, result = go(whole)
    assert opened
    assert not any("fake" in name and not name.startswith("test") for name in opened)
    unseen = [file for file in whole.glob("*-fake*.mp4") if not file.name.startswith("test")]
    assert len(unseen) == 5

    numbers = (model / "model.safetensors").read_bytes()
    for state in ("poisoned", "gone"):
        for file in unseen:
            if state == "gone":
                file.unlink()
            else:
                file.write_text("no video")
        again, changed = go(whole, out=state)
        assert again.name == model.name == result.spec.model.model_id
        assert changed.spec.run_id == result.spec.run_id
        assert (again / "model.safetensors").read_bytes() == numbers
    real_alone = dataset("real", lambda kind, split: kind == "real" or split == "test")
    again, changed = go(real_alone, out="real")
    assert again.name == model.name
    assert (again / "model.safetensors").read_bytes() == numbers
    assert (again / "validation.csv").read_bytes() == (model / "validation.csv").read_bytes()


def test_another_real_video_is_another_model(dataset, go):
    model, _ = go(dataset("one"), epochs=1)
    fewer = dataset("two", lambda kind, split: (kind, split) != ("real", "val"))
    file = fewer / "val-real0.mp4"
    file.write_bytes((fewer.parent / "one" / file.name).read_bytes())
    with (fewer / "videos.csv").open("a") as lines:
        lines.write(f"{file.name},real,val,\n")
    again, _ = go(fewer, epochs=1, out="other")
    assert again.name != model.name


@pytest.mark.parametrize("split", ["train", "val"])
def test_without_real_videos_there_is_nothing_to_learn_from(dataset, go, tmp_path, split):
    fakes = dataset("fakes", lambda kind, where: kind == "fake" or where != split)
    with pytest.raises(SplitError) as caught:
        go(fakes)
    assert in_one_line(caught).startswith(f"folder has no real {split} videos")
    assert not (tmp_path / "runs").exists()


def test_real_videos_that_cannot_be_used_are_told(dataset, go):
    broken = dataset()
    for file in broken.glob("val-real*.mp4"):
        file.write_text("no video")
    with pytest.raises(SplitError) as caught:
        go(broken)
    assert "no usable real video (unreadable)" in in_one_line(caught)


def test_who_learns_from_both_classes_needs_both(dataset, go):
    real_alone = dataset("real", lambda kind, split: kind == "real" or split == "test")
    with pytest.raises(SplitError, match=r"fake"):
        go(real_alone, "plain")


# --- landmarks ------------------------------------------------------------------------------


def test_68_landmarks_where_there_are_five_are_asked_for_in_vain(dataset, go):
    with pytest.raises(DataError) as caught:
        go(dataset(), "seam:landmarks=68", "shipped", faces="given")
    text = in_one_line(caught)
    assert text.startswith("68 landmarks are asked for, and given 1 gives 5")
    assert "landmarks=5" in text


@pytest.mark.parametrize("asked", [5, 68])
def test_a_detector_is_given_as_many_landmarks_as_it_asks_for(dataset, go, asked):
    """``Seam`` asserts the shape. The dataset ships 68: who asks for five gets the five."""
    _, result = go(dataset(), f"seam:landmarks={asked}", "shipped:points=68", faces="given")
    assert result.status == "finished"
    assert result.spec.model.clip.landmarks == asked


def test_68_points_pass_through_the_store_as_they_are(known, dataset, tmp_path):
    root = dataset()
    records = list(shipped(root, 68))[:2]
    store = FaceStore(tmp_path / "faces")
    given = dfbench.faces.cut.FaceFinder(known.faces("given")[1])
    spec = replace(SPEC, landmarks=68)
    videos = prepare(records, spec, given, store)
    place, _ = next(store.clips(videos[0].key, [1]))
    in_picture = np.asarray(place.landmarks) + place.square[:2]
    assert in_picture == pytest.approx(np.tile(8 + points68(48.0), (2, 1, 1)), abs=0.006)
    assert videos[0].key == prepare(records, SPEC, given, store)[0].key  # kept once for both


def test_the_five_of_68_are_eyes_nose_and_mouth():
    points = points68(1.0)
    expected = [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    assert five_points(points) == pytest.approx(np.stack(expected))
    both = five_points(np.stack([points, points + 1])[:, None])
    assert both.shape == (2, 1, 5, 2)
    assert both[1, 0] == pytest.approx(np.stack(expected) + 1)
    assert five_points(points[:5]) == pytest.approx(points[:5])
