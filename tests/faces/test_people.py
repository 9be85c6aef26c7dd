"""Several people in a video: the main subject alone, or everyone, each with clips of their own."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from face_tables import at, faces
from lightning_fabric import Fabric
from scenes import contents
from two_people import CLIPS, finder, video

import dfbench.faces.cut
from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import Prediction, VideoRecord
from dfbench.clips.loader import EpochBatches
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector
from dfbench.evaluate.scores import clip_scores, coverage, video_scores
from dfbench.faces.prepare import Prepared, prepare
from dfbench.faces.store import FaceStore
from dfbench.faces.tracks import LEAST_SEEN, all_tracks, main_track
from dfbench.results.predictions import read_predictions, write_predictions
from dfbench.training.predict import predict, predict_to_file

FRAMES = ClipSpec(frames=1, windows=8, size=24)


# --- tracks ---------------------------------------------------------------------------------


def test_everyone_who_stays_is_kept_the_main_subject_first():
    found = [faces(at(200, 50, 40), at(0, 0, 80)) for _ in range(10)]
    one, other = all_tracks(range(10), found)
    assert (one.track, other.track) == (0, 1)
    assert one.boxes[:, 2] - one.boxes[:, 0] == pytest.approx([80] * 10)
    assert other.boxes[:, 0] == pytest.approx([200] * 10)
    main = main_track(range(10), found)
    assert np.array_equal(main.boxes, one.boxes)
    assert np.array_equal(main.landmarks, one.landmarks)


def test_a_passer_by_is_left_out_and_the_main_subject_never():
    stay, passing = at(0, 0, 40), at(200, 100, 40)
    found = [faces(stay, passing) if i < 2 else faces(stay) for i in range(30)]
    assert [track.track for track in all_tracks(range(30), found)] == [0]
    assert LEAST_SEEN * 20 == 2
    assert len(all_tracks(range(20), found[:20])) == 2  # two of twenty are a tenth
    once = [faces(stay)] + [faces()] * 29
    assert len(all_tracks(range(30), once)) == 1
    assert all_tracks(range(30), [faces()] * 30) == []


def test_a_second_face_is_interpolated_like_the_first():
    one, two = at(0, 0, 80), at(200, 50, 40)
    found = [faces(one, two), faces(one), faces(one, at(220, 50, 40)), faces(one)]
    _, other = all_tracks([0, 10, 20, 30], found)
    assert other.boxes[:, 0] == pytest.approx([200, 210, 220, 220])
    assert other.scores == pytest.approx([0.9, 0, 0.9, 0])


# --- prepared -------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path) -> FaceStore:
    return FaceStore(tmp_path / "faces")


def colour(frames: np.ndarray, boxes: np.ndarray) -> str:
    """What is in the box, in every frame."""
    seen = set()
    for frame, box in zip(frames, boxes, strict=True):
        x0, y0, x1, y1 = np.round(box).astype(int)
        red, _, blue = frame[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3].mean((0, 1))
        seen.add("red" if red > 200 and blue < 60 else "blue" if blue > 200 and red < 60 else "?")
    return " ".join(seen)


@pytest.mark.parametrize("spec", [FRAMES, CLIPS])
def test_every_person_has_clips_of_their_own(make_video, tmp_path, store, spec):
    """The number of a clip is that of the person times the clips a video, plus the window's."""
    (done,) = prepare([video(make_video, tmp_path / "a.mp4")], spec, finder(), store)
    count = spec.windows
    assert done.status == "ok"
    assert done.clips == tuple(range(2 * count))
    assert done.usable == (True,) * 2 * count
    assert done.starts[:count] == done.starts[count:]
    people = {}
    for window, frames in store.clips(done.key, range(2 * count)):
        assert frames.shape[0] == spec.frames
        seen = colour(frames, np.array(window.boxes))
        people.setdefault(seen, []).append(window.clip)
    assert people == {"red": [*range(count)], "blue": [*range(count, 2 * count)]}
    names = [name for window in store.open(done.key).windows for name in window.files]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("all_faces", [False, True])
def test_one_person_is_the_same_either_way(make_video, tmp_path, store, all_faces):
    record = video(make_video, tmp_path / "a.mp4", blue=range(0))
    (done,) = prepare([record], CLIPS, finder(all_faces), store)
    assert done.clips == tuple(range(5))
    stored = store.open(done.key)
    assert stored.faces == ("squares 1 all faces" if all_faces else "squares 1")
    other = store.open(prepare([record], CLIPS, finder(not all_faces), store)[0].key)
    assert stored.windows == other.windows
    assert len(contents(store)) == 2


def test_without_all_faces_only_the_main_subject_is_stored(make_video, tmp_path, store):
    (done,) = prepare([video(make_video, tmp_path / "a.mp4")], CLIPS, finder(False), store)
    assert done.clips == tuple(range(5))
    for window, frames in store.clips(done.key, range(5)):
        assert colour(frames, np.array(window.boxes)) == "red"


def test_a_person_has_no_clip_where_they_are_not_seen(make_video, tmp_path, store):
    """Their place would be a guess; the main subject has all clips, so every video has as many."""
    record = video(make_video, tmp_path / "a.mp4", blue=range(36, 60))
    (done,) = prepare([record], CLIPS, finder(), store)
    windows = dfbench.faces.cut.sample_windows(60, CLIPS)
    seen = [5 + w for w, numbers in enumerate(windows) if (numbers >= 36).any()]
    assert 0 < len(seen) < 5
    assert done.clips == (*range(5), *seen)
    for window, _ in store.clips(done.key, range(5, 5 + len(seen))):
        assert [score > 0 for score in window.scores] == [n >= 36 for n in window.numbers]


# --- scored ---------------------------------------------------------------------------------


class Blueness(torch.nn.Module):
    """Logit 4 where the clip's middle is blue, -4 where it is red."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(4.0))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        middle = clips[..., 9:15, 9:15].mean((2, 3, 4))
        return self.scale * torch.sign(middle[:, 2] - middle[:, 0])


@pytest.fixture
def prepared(make_video, tmp_path, store) -> tuple[list[Prepared], FaceStore]:
    records = [
        video(make_video, tmp_path / "both.mp4", label=1, method="swap"),
        VideoRecord("gone", tmp_path / "gone.mp4", 0),
        video(make_video, tmp_path / "alone.mp4", blue=range(0)),
        video(make_video, tmp_path / "late.mp4", blue=range(36, 60), label=1, method="swap"),
    ]
    return prepare(records, CLIPS, finder(), store), store


def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def scored(videos: list[Prepared], store: FaceStore, batch: int = 4) -> list[Prediction]:
    reader, detector = ClipReader(videos, store, CLIPS), Detector(Blueness(), CLIPS)
    chunks = predict(detector, reader, "d", batch, 0, fabric())
    return [row for rows in chunks for row in rows]


@pytest.mark.parametrize("batch", [1, 4, 7, 100])
def test_every_clip_of_every_person_is_a_row(prepared, batch):
    """Fault 11: as many rows as clips, whatever the size of the batch; fault 8: a video that
    cannot be read has its own rows, and nobody else's scores."""
    rows = scored(*prepared, batch)
    clips: dict[str, list[int]] = {}
    for row in rows:
        clips.setdefault(row.video, []).append(row.clip)
    late = clips.pop("late")[5:]
    assert clips == {"both": [*range(10)], "gone": [*range(5)], "alone": [*range(5)]}
    assert late
    assert set(late) < set(range(6, 10))
    for row in rows:
        if row.video == "gone":
            assert (row.score, row.status, row.start_frame) == (None, "missing", None)
        else:
            assert row.status == "ok"
            assert (row.score > 0.9) == (row.clip >= 5)
            assert (row.score < 0.1) == (row.clip < 5)


def test_a_video_scores_as_its_most_fake_person(prepared):
    rows = scored(*prepared)
    high, low = 1 / (1 + np.exp(-4)), 1 / (1 + np.exp(4))
    found = video_scores(rows, np.mean, "chance", clips_a_person=5)
    assert found.scores == pytest.approx([high, 0.5, low, high])
    assert found.labels.tolist() == [1, 0, 0, 1]
    mixed = video_scores(rows, np.mean, "chance")  # one person a video: the mean over all clips
    assert mixed.scores[0] == pytest.approx((high + low) / 2)
    assert coverage(rows) == 0.75
    assert len(clip_scores(rows, "clip", "exclude")) == len(rows) - 5


def test_rows_go_through_the_file_and_an_interrupted_run_goes_on(prepared, tmp_path):
    videos, store = prepared
    reader, detector = ClipReader(videos, store, CLIPS), Detector(Blueness(), CLIPS)
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    assert [*predict_to_file(detector, reader, "d", 4, 0, fabric(), whole)][-1] == 4
    lines = whole.read_text().splitlines(keepends=True)
    for kept in (3, 9, len(lines) - 1):  # in the middle of a video, of its second person, the last
        cut.write_text("".join(lines[:kept]))
        done = [*predict_to_file(detector, reader, "d", 4, 0, fabric(), cut)]
        assert done[-1] == 4
        assert cut.read_text() == whole.read_text()
    text = io.StringIO()
    write_predictions(read_predictions(whole), text, header=True)
    assert text.getvalue() == whole.read_text()


def row(clip: int, score: float | None, video: str = "v") -> Prediction:
    status = "unreadable" if score is None else "ok"
    return Prediction("d", video, clip, 0, 1, score, None, video, status)


def test_the_maximum_is_over_people_and_the_aggregate_within_one():
    rows = [row(0, 0.1), row(1, 0.3), row(4, 0.6), row(5, 0.2), row(9, 0.05)]
    found = video_scores(rows, np.mean, "chance", clips_a_person=4)
    assert found.scores == pytest.approx([0.4])
    assert video_scores(rows, np.max, "chance", 4).scores == pytest.approx([0.6])
    # A person all of whose clips are lost does not count; a video all of whose people are, does.
    lost = [row(0, 0.1), row(4, None), row(5, None), row(0, None, "w"), row(4, None, "w")]
    assert video_scores(lost, np.mean, "chance", 4).scores == pytest.approx([0.1, 0.5])
    assert video_scores(lost, np.mean, "exclude", 4).scores == pytest.approx([0.1])


def test_people_are_not_mixed_between_videos():
    rows = [row(0, 0.1, "a"), row(4, 0.9, "b"), row(0, 0.2, "b"), row(4, 0.3, "a")]
    assert video_scores(rows, np.mean, "chance", 4).scores == pytest.approx([0.3, 0.9])


def test_clips_drawn_for_a_quick_look_are_of_clips_that_are_there(prepared):
    videos, store = prepared
    for count in (1, 3, 7):
        thin = ClipReader(videos, store, CLIPS).thinned(count).videos
        for before, after in zip(videos, thin, strict=True):
            assert sum(after.usable) == min(count, sum(before.usable))
            assert len(after.usable) == len(before.clips) == len(after.clips)
    picks = EpochBatches(videos, 0, 4, 0).picks()
    assert len(set(picks)) == len(picks) == sum(sum(v.usable) for v in videos)
    moved = [replace(video, usable=(False,) * len(video.usable)) for video in videos]
    assert EpochBatches(moved, 0, 4, 0).picks() == []
