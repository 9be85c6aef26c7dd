"""From videos to face clips: one path for all, a row for each, never anything half done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_videos import damage
from scenes import CLIPS, FRAMES, center, contents, finder, scene, video

import dfbench.faces.cut
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.errors import PluginError, ResourceError
from dfbench.faces.prepare import FaceFinder, prepare
from dfbench.faces.store import FaceStore
from dfbench.video.reader import Video


@pytest.fixture
def store(tmp_path) -> FaceStore:
    return FaceStore(tmp_path / "faces")


def test_a_clip_is_cut_from_the_sampled_frames_with_one_geometry(make_video, tmp_path, store):
    record = video(make_video, tmp_path / "a.mp4")
    (done,) = prepare([record], CLIPS, finder(), store)
    assert (done.status, done.detail) == ("ok", "")
    stored = store.open(done.key)
    assert (stored.frame_count, stored.width, stored.height) == (60, 160, 120)
    assert done.starts == tuple(window.numbers[0] for window in stored.windows)
    assert done.usable == (True,) * 3
    with Video(record.path) as source:
        for window in stored.windows:
            x, y, side = window.square
            frames = store.frames(done.key, window)
            assert frames.shape == (6, side, side, 3)
            for number, frame, box in zip(window.numbers, frames, window.boxes, strict=True):
                seen = source.frame(number)[max(y, 0) : y + side, max(x, 0) : x + side]
                left = max(-x, 0)
                assert np.array_equal(
                    frame[max(-y, 0) :][: len(seen), left : left + 40], seen[:, :40]
                )
                # The box is where the square is, in pixels of the stored crop.
                assert box == pytest.approx(
                    [30 + number - x, 40 - y, 70 + number - x, 80 - y], abs=2
                )


def test_every_kind_of_video_is_a_row(make_video, tmp_path, store):
    """Faults 8, 10 and 14."""
    part = video(make_video, tmp_path / "part.mp4")
    damage(part.path, int(dfbench.faces.cut.sample_windows(60, FRAMES)[3, 0]))
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder.mp4").mkdir()
    records = [
        VideoRecord("gone", tmp_path / "gone.mp4", 1),
        video(make_video, tmp_path / "good.mp4"),
        VideoRecord("text", tmp_path / "text.mp4", 0),
        part,
        video(make_video, tmp_path / "nobody.mp4", face=False),
        VideoRecord("folder", tmp_path / "folder.mp4", 0),
        VideoRecord("below", tmp_path / "text.mp4" / "x.mp4", 0),
    ]
    seen: list[int] = []
    done = prepare(records, FRAMES, finder(), store, progress=seen.append)
    assert [item.record for item in done] == records
    assert sum(seen) == len(records)
    assert {item.record.id: item.status for item in done} == {
        "gone": "missing",
        "good": "ok",
        "text": "unreadable",
        "part": "ok",
        "nobody": "no_face",
        "folder": "unreadable",
        "below": "missing",
    }
    usable = {item.record.id: sum(item.usable) for item in done}
    assert usable == Counter(good=8, part=7, gone=0, text=0, nobody=0, folder=0, below=0)
    assert all(len(item.usable) == len(item.starts) == 8 for item in done)
    by_id = {item.record.id: item for item in done}
    assert by_id["part"].usable[3] is False
    assert by_id["part"].detail == "1 of 8 clips have unreadable frames"
    assert by_id["part"].starts == by_id["good"].starts
    assert "gone.mp4 does not exist" in by_id["gone"].detail
    assert "text.mp4" in by_id["text"].detail


def test_a_clip_with_a_lost_frame_is_lost_and_the_others_are_used(make_video, tmp_path, store):
    record = video(make_video, tmp_path / "a.mp4")
    windows = dfbench.faces.cut.sample_windows(60, CLIPS)
    damage(record.path, int(windows[1, 2]))
    (done,) = prepare([record], CLIPS, finder(), store)
    assert done.usable == (True, False, True)
    assert done.status == "ok"


def test_a_video_with_all_clips_lost_is_unreadable(make_video, tmp_path, store):
    record = video(make_video, tmp_path / "a.mp4")
    for row in dfbench.faces.cut.sample_windows(60, CLIPS):
        damage(record.path, int(row[0]))
    (done,) = prepare([record], CLIPS, finder(), store)
    assert (done.status, done.usable) == ("unreadable", (False,) * 3)


def test_real_and_fake_go_through_one_path(make_video, tmp_path):
    """Fault 17: nothing but the pixels decides what is stored, least of all the label."""
    real = video(make_video, tmp_path / "real.mp4")
    fake = replace(real, id="fake", label=1, method="swap", original="real", split="test")
    keys, files = [], []
    for record in (real, fake):
        store = FaceStore(tmp_path / f"store-{record.id}")
        (done,) = prepare([record], CLIPS, finder(), store)
        keys.append(done.key)
        stored = store.open(done.key)
        files.append(
            [
                replace(stored, video=""),
                *(store.frames(done.key, w).tobytes() for w in stored.windows),
            ]
        )
    assert keys[0] == keys[1]
    assert files[0] == files[1]


def test_a_second_call_decodes_nothing(make_video, tmp_path, store, monkeypatch):
    good = video(make_video, tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("no video")
    records = [good, VideoRecord("b", tmp_path / "b.mp4", 0)]
    first = prepare(records, FRAMES, finder(), store)

    def decoded(path: Path) -> None:
        raise AssertionError(f"{path} was opened again")

    monkeypatch.setattr(dfbench.faces.cut, "open_video", decoded)
    assert prepare(records, FRAMES, finder(), store) == first
    for other in (replace(FRAMES, windows=9), CLIPS):
        with pytest.raises(AssertionError):
            prepare(records, other, finder(), store)
    with pytest.raises(AssertionError):
        prepare(records, FRAMES, finder(version="2"), store)
    good.path.write_bytes(good.path.read_bytes() + b"\0")
    with pytest.raises(AssertionError):
        prepare(records, FRAMES, finder(), store)


def test_an_interrupted_prepare_goes_on_where_it_stopped(make_video, tmp_path, store, monkeypatch):
    records = [video(make_video, tmp_path / f"{n}.mp4") for n in "ab"]
    records.append(video(make_video, tmp_path / "c.mp4", face=False))
    opened: list[str] = []

    class Counting(Video):
        def __init__(self, path: Path) -> None:
            opened.append(path.stem)
            if len(opened) == 3:
                raise KeyboardInterrupt
            super().__init__(path)

    monkeypatch.setattr(dfbench.faces.cut, "open_video", Counting)
    with pytest.raises(KeyboardInterrupt):
        prepare(records, FRAMES, finder(), store)
    done = prepare(records, FRAMES, finder(), store)
    assert opened == ["a", "b", "c", "c"]
    assert [item.status for item in done] == ["ok", "ok", "no_face"]


def test_a_damaged_file_of_the_store_is_made_again(make_video, tmp_path, store):
    record = video(make_video, tmp_path / "a.mp4")
    (done,) = prepare([record], FRAMES, finder(), store)
    whole = contents(store)
    store.path(done.key).write_bytes(whole[f"{done.key[:2]}/{done.key[2:]}.zip"][:-40])
    assert prepare([record], FRAMES, finder(), store) == [done]
    assert contents(store) == whole


def test_a_full_disk_stops_in_one_line_and_leaves_nothing(make_video, tmp_path, monkeypatch):
    record = video(make_video, tmp_path / "a.mp4")
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    store = FaceStore(tmp_path / "faces")
    with pytest.raises(ResourceError, match="no space left for the face store"):
        prepare([record], FRAMES, finder(), store)
    assert contents(store) == {}


def test_a_failure_in_a_worker_process_is_the_same_error(make_video, tmp_path):
    records = [video(make_video, tmp_path / f"{n}.mp4") for n in "ab"]
    (tmp_path / "faces").write_text("a file where the store should be")
    with pytest.raises(ResourceError, match="cannot be written"):
        prepare(records, FRAMES, center(), FaceStore(tmp_path / "faces"), workers=2)


def test_workers_change_nothing(make_video, tmp_path):
    records = [
        video(make_video, tmp_path / "a.mp4"),
        VideoRecord("gone", tmp_path / "gone.mp4", 0),
        video(make_video, tmp_path / "b.mp4", face=False),
    ]
    one, two = FaceStore(tmp_path / "one"), FaceStore(tmp_path / "two")
    assert prepare(records, CLIPS, center(), one) == prepare(
        records, CLIPS, center(), two, workers=2
    )
    assert contents(one) == contents(two)


_PREPARE = """
import sys
from pathlib import Path
from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.faces.cut import FaceFinder
from dfbench.faces.prepare import prepare
from dfbench.catalogue.records import VideoRecord
from dfbench.faces.store import FaceStore

folder = Path(sys.argv[1])
records = [VideoRecord(p.stem, p, 0) for p in sorted(folder.glob("*.mp4"))]
finder = FaceFinder(open_catalogue().faces("center")[1])
done = prepare(records, ClipSpec(frames=6, windows=3), finder, FaceStore(folder / "both"))
print(" ".join(item.status for item in done))
"""


def test_two_processes_at_once_both_end_well(make_video, tmp_path):
    records = [video(make_video, tmp_path / f"{n}.mp4") for n in "ab"]
    records.append(video(make_video, tmp_path / "c.mp4", face=False))
    command = [sys.executable, "-c", _PREPARE, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out.split()) == (0, ["ok"] * 3), err
    alone = FaceStore(tmp_path / "alone")
    prepare(records, CLIPS, center(), alone)
    assert contents(FaceStore(tmp_path / "both")) == contents(alone)


def test_a_portrait_video_is_cut_upright(make_video, tmp_path, store):
    path = make_video(
        tmp_path / "a.mp4", frames=60, size=(160, 120), rotate=90, draw=scene, g=1, crf=10
    )
    (done,) = prepare([VideoRecord("a", path, 0)], FRAMES, finder(), store)
    stored = store.open(done.key)
    assert (stored.width, stored.height) == (120, 160)
    for window in stored.windows:
        x0, y0, x1, y1 = np.round(window.boxes[0]).astype(int)
        face = store.frames(done.key, window)[0][y0 + 3 : y1 - 3, x0 + 3 : x1 - 3]
        assert face[..., 0].mean() > 200
        assert face[..., 1].mean() < 50


@pytest.mark.parametrize("spec", [FRAMES, CLIPS])
def test_frames_beyond_the_budget_are_decoded_again_to_the_same_end(
    make_video, tmp_path, monkeypatch, spec
):
    record = video(make_video, tmp_path / "a.mp4")
    damage(record.path, int(dfbench.faces.cut.sample_windows(60, spec)[1, 0]))
    kept, again = FaceStore(tmp_path / "kept"), FaceStore(tmp_path / "again")
    first = prepare([record], spec, finder(), kept)
    monkeypatch.setattr(dfbench.faces.cut, "FRAME_BUDGET", 0)
    assert prepare([record], spec, finder(), again) == first
    assert contents(kept) == contents(again)


def test_boxes_that_a_dataset_ships_are_part_of_the_key(make_video, tmp_path, store):
    given = FaceFinder(open_catalogue().faces("given")[1])
    boxes = tmp_path / "a.npz"
    record = replace(video(make_video, tmp_path / "a.mp4"), boxes=boxes)
    keys = []
    for x in (30, 50):
        box = np.array([[x, 40, x + 40, 80]] * 60, np.float32)
        np.savez(boxes, frames=np.arange(60), boxes=box, landmarks=np.zeros((60, 5, 2)) + x)
        (done,) = prepare([record], FRAMES, given, store)
        window = store.open(done.key).windows[0]
        assert window.square[0] + window.boxes[0][0] == pytest.approx(x)
        keys.append(done.key)
    assert keys[0] != keys[1]
    # A detector that looks at the pictures does not care.
    (one,) = prepare([record], FRAMES, finder(), store)
    boxes.unlink()
    assert prepare([record], FRAMES, finder(), store) == [one]


def test_a_frame_without_a_given_box_takes_its_place_from_the_neighbours(
    make_video, tmp_path, store
):
    record = replace(video(make_video, tmp_path / "a.mp4"), boxes=tmp_path / "a.npz")
    numbers = dfbench.faces.cut.sample_windows(60, FRAMES).ravel()
    known = np.delete(numbers, 4)
    box = np.stack([30 + known, np.full(7, 40), 70 + known, np.full(7, 80)], 1)
    np.savez(record.boxes, frames=known, boxes=box, landmarks=np.zeros((7, 5, 2)))
    (done,) = prepare([record], FRAMES, FaceFinder(open_catalogue().faces("given")[1]), store)
    window = store.open(done.key).windows[4]
    assert window.scores == [0]
    assert window.square[0] + window.boxes[0][0] == pytest.approx(30 + numbers[4], abs=0.1)


def test_a_face_detector_that_lies_is_named(make_video, tmp_path, store):
    with pytest.raises(PluginError, match="'Liar'"):
        prepare([video(make_video, tmp_path / "a.mp4")], FRAMES, finder("Liar"), store)
    assert contents(store) == {}


def test_a_cache_that_may_only_be_read_serves_what_it_has(make_video, tmp_path, store, monkeypatch):
    records = [video(make_video, tmp_path / f"{n}.mp4") for n in "ab"]
    first = prepare(records[:1], FRAMES, finder(), store)
    whole = contents(store)
    os.utime(store.path(first[0].key), (0, 0))  # its last use would be noted

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("write_bytes", "mkdir", "replace"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(os, "utime", refuse)
    assert prepare(records[:1], FRAMES, finder(), store) == first
    with pytest.raises(ResourceError, match=r"cannot be written \(Read-only file system\)"):
        prepare(records, FRAMES, finder(), store)
    assert contents(store) == whole


def test_a_real_video_with_yunet(shared, store):
    card = open_catalogue().faces("yunet")[1]
    weights = shared / "data" / "weights" / "yunet" / card.weights[0].filename
    record = VideoRecord("again", shared / "data" / "videos" / "again.mkv", 0)
    (done,) = prepare([record], FRAMES, FaceFinder(card, weights), store)
    assert (done.status, done.usable) == ("ok", (True,) * 8)
    windows = store.open(done.key).windows
    assert all(window.scores[0] > 0.6 for window in windows)
    for window in windows:  # eyes above the mouth, the left one on the left, all in the box
        (x0, y0, x1, y1), marks = window.boxes[0], np.array(window.landmarks[0])
        assert marks[:2, 1].max() < marks[3:, 1].min()
        assert marks[0, 0] < marks[1, 0]
        assert (marks > [x0, y0]).all()
        assert (marks < [x1, y1]).all()


def test_nothing_to_do(store):
    assert prepare([], FRAMES, center(), store) == []


def test_a_worker_that_was_killed_is_one_line(make_video, tmp_path, store):
    records = [video(make_video, tmp_path / f"{name}.mp4") for name in "ab"]
    with pytest.raises(ResourceError, match=r"was killed.*lower --workers"):
        prepare(records, FRAMES, finder("Killed"), store, workers=2)
