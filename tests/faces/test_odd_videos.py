"""Short, endless, empty, uneven, cut videos, faces at the edge: each has its rule and its row."""

from __future__ import annotations

import av
import numpy as np
import pytest
from made_videos import packets
from scenes import CLIPS, FRAMES, center, finder, scene

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import VideoRecord
from dfbench.clips.reader import ClipReader
from dfbench.faces.prepare import prepare
from dfbench.faces.store import FaceStore
from dfbench.video.reader import Video


@pytest.fixture
def store(tmp_path) -> FaceStore:
    return FaceStore(tmp_path / "faces")


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_video_shorter_than_a_clip_runs_forth_and_back(make_video, tmp_path, store, frames):
    path = make_video(tmp_path / "a.mp4", frames=frames, size=(160, 120), draw=scene, g=1, crf=10)
    (done,) = prepare([VideoRecord("a", path, 0)], CLIPS, finder(), store)
    assert (done.status, done.usable, done.starts) == ("ok", (True,) * 3, (0, 0, 0))
    expected = {1: [0] * 6, 2: [0, 1] * 3, 5: [0, 1, 2, 3, 4, 3]}[frames]
    assert [window.numbers for window in store.open(done.key).windows] == [expected] * 3


def test_the_sampled_frames_span_the_video_whatever_its_rate(make_video, tmp_path, store):
    """Fault 4; also where the header has no count and the rate varies."""
    gaps = [20 if number % 2 else 700 for number in range(80)]
    times = np.cumsum(gaps).tolist()
    records = [
        VideoRecord(name, make_video(tmp_path / name, frames=80, g=10, **how), 0)
        for name, how in (("a.mp4", {}), ("b.mkv", {}), ("c.mkv", {"times": times.__getitem__}))
    ]
    for done in prepare(records, FRAMES, center(), store):
        assert done.status == "ok"
        assert done.starts == (5, 15, 25, 35, 45, 55, 65, 75)
        with Video(done.record.path) as source:
            for window, crops in store.clips(done.key, range(8)):
                x, y, side = window.square
                whole = source.frame(window.numbers[0])
                inner = whole[max(y, 0) : y + side, max(x, 0) : x + side]
                assert make_video.number(whole) == window.numbers[0]
                assert np.array_equal(crops[0][max(-y, 0) :][: len(inner)], inner)


def test_a_video_without_frames_is_a_row(tmp_path, store):
    for name in ("a.avi", "b.mkv", "c.flv"):
        with av.open(str(tmp_path / name), "w") as file:
            stream = file.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            file.start_encoding()
    records = [VideoRecord(path.name, path, 0) for path in sorted(tmp_path.iterdir())]
    done = prepare(records, FRAMES, finder(), store)
    assert [item.status for item in done] == ["unreadable"] * 3
    assert "has no frames" in done[0].detail
    assert all(item.detail and item.usable == (False,) * 8 for item in done)


def test_what_is_left_of_a_video_cut_short_is_used_and_counted(make_video, tmp_path, store):
    """Fault 10: a download that broke off behind the index of an MP4."""
    path = make_video(
        tmp_path / "a.mp4",
        frames=60,
        size=(160, 120),
        draw=scene,
        g=10,
        crf=10,
        muxer={"movflags": "faststart"},
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    (done,) = prepare([VideoRecord("a", path, 1)], FRAMES, finder(), store)
    count = store.open(done.key).frame_count
    assert 30 < count < 50
    assert done.status == "ok"
    assert done.detail.startswith(f"cut short: {count} of 60 frames are there")
    assert sum(done.usable) >= 7
    assert max(start for start in done.starts if start is not None) < count


def test_a_video_that_changes_its_resolution_is_cut_at_one_size(make_video, tmp_path, store):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        sizes = ((96, 64), range(20)), ((192, 128), range(20, 40))
        for size, numbers in sizes:
            for packet in packets("mpeg4", size, numbers, make_video.paint):
                packet.stream = stream
                file.mux(packet)
    (done,) = prepare([VideoRecord("a", path, 0)], FRAMES, center(), store)
    stored = store.open(done.key)
    assert (done.status, sum(done.usable)) == ("ok", 8)
    assert (stored.width, stored.height) == (96, 64)
    assert len({tuple(window.square) for window in stored.windows}) == 1


def test_ten_hours_are_prepared(ten_hours, store):
    (done,) = prepare([VideoRecord("a", ten_hours, 0)], ClipSpec(size=32), center(), store)
    assert (done.status, sum(done.usable)) == ("ok", 32)
    assert done.starts[0] == 562
    assert done.starts[-1] == 35_437


def squared(x: int, y: int, side: int):
    """A scene with its red square there, as far as it is in the picture."""

    def draw(number: int) -> np.ndarray:
        image = scene(number, face=False)
        image[max(y, 0) : y + side, max(x, 0) : x + side] = (230, 20, 20)
        return image

    return draw


@pytest.mark.parametrize(
    ("x", "y", "side"),
    [
        (-12, 30, 40),
        (0, 0, 40),
        (135, 95, 40),
        (60, -25, 40),
        (70, 50, 14),
        (152, 112, 12),
        (-10, -10, 300),
    ],
    ids=["left", "corner", "lower corner", "top", "small", "small in the corner", "all of it"],
)
def test_a_face_at_the_edge_or_tiny(make_video, tmp_path, store, x, y, side):
    """The crop has its size and its face in the middle; beyond the picture its edge goes on."""
    path = make_video(
        tmp_path / "a.mp4", frames=30, size=(160, 120), draw=squared(x, y, side), g=1, crf=10
    )
    (done,) = prepare([VideoRecord("a", path, 0)], FRAMES, finder(), store)
    assert (done.status, sum(done.usable)) == ("ok", 8)
    reader = ClipReader([done], store, FRAMES)
    clips = reader.views(0, range(8))[:, 0]
    assert clips.shape == (8, 1, 32, 32, 3)
    middle = clips[:, 0, 12:20, 12:20].float().mean((0, 1, 2))
    assert middle[0] > 170
    assert middle[1] < 80
