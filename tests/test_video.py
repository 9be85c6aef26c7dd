"""Reading videos: the right frames, and one error for whatever cannot be read."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
import pytest

from dfbench.errors import VideoError
from dfbench.video import Video

CODINGS = {"intra": {"g": 1}, "default": {}, "short": {"g": 10, "bf": 2}}


def damage(path: Path, frame: int) -> None:
    """Overwrite the coded frame of that number with zeros; all key frames, so it is one packet."""
    with av.open(str(path)) as file:
        packets = [p for p in file.demux(video=0) if p.pts is not None]
    packets.sort(key=lambda packet: packet.pts)
    hit = packets[frame]
    data = bytearray(path.read_bytes())
    data[hit.pos : hit.pos + hit.size] = bytes(hit.size)
    path.write_bytes(data)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("coding", CODINGS)
def test_every_frame_is_the_one_asked_for(make_video, tmp_path, coding, ending):
    path = make_video(tmp_path / f"a.{ending}", frames=70, size=(96, 64), **CODINGS[coding])
    order = random.Random(1).sample(range(70), 70)
    with Video(path) as video:
        assert len(video) == 70
        assert video.fps == pytest.approx(25, abs=0.01)
        assert video.frame(0).shape == (64, 96, 3)
        assert video.frame(0).dtype == np.uint8
        assert [make_video.number(image) for _, image in video.read(order)] == order


def test_mpeg4_part_2_and_other_rates(make_video, tmp_path):
    """Celeb-DF's codec, DFDC's 30 frames a second."""
    path = make_video(tmp_path / "a.mp4", frames=20, codec="mpeg4", fps=30, qscale=2)
    with Video(path) as video:
        assert video.fps == pytest.approx(30)
        assert [make_video.number(video.frame(n)) for n in (19, 0, 7)] == [19, 0, 7]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_video_comes_upright(make_video, tmp_path, turn):
    def left_is_white(_: int) -> np.ndarray:
        image = np.zeros((64, 96, 3), np.uint8)
        image[:, :48] = 255
        return image

    path = make_video(tmp_path / "a.mp4", frames=3, rotate=turn, draw=left_is_white, g=1)
    with Video(path) as video:
        image = video.frame(1)
    # The display matrix turns counterclockwise: the coded left side is shown at the bottom.
    expected = np.rot90(left_is_white(0), turn // 90)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 4


def test_a_turned_damaged_video_comes_upright_too(make_video, tmp_path):
    def left_is_white(number: int) -> np.ndarray:
        image = np.zeros((64, 96, 3), np.uint8)
        image[:, : 48 + number] = 255
        return image

    path = make_video(tmp_path / "a.mp4", frames=9, rotate=90, draw=left_is_white, g=1)
    with Video(path) as video:
        whole = [image for _, image in video.read(range(9))]
    damage(path, 4)
    with Video(path) as video:
        left = [image for _, image in video.read(range(9))]
    assert left[4] is None
    for number in (0, 3, 5, 8):
        assert np.array_equal(whole[number], left[number])


def test_real_files_without_a_frame_count(shared):
    """Matroska: the header has no count, it is counted from the packets."""
    for name in ("again.mkv", "please.mkv"):
        path = shared / "data" / "videos" / name
        with av.open(str(path)) as file:
            assert file.streams.video[0].frames == 0
            images = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
        with Video(path) as video:
            assert len(video) == len(images)
            for number in (len(images) - 1, 0, len(images) // 2):
                assert np.array_equal(video.frame(number), images[number])


def test_real_hd_video(shared):
    with Video(shared / "data" / "videos" / "street_1080p.mp4") as video:
        assert len(video) == 105
        assert video.frame(104).shape == (1080, 1920, 3)
        assert video.frame(104).std() > 20


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "empty", "text", "truncated", "audio", "random"]
)
def test_whatever_cannot_be_read_is_a_video_error(make_video, tmp_path, kind):
    path = tmp_path / "a.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no video\n" * 100)
    elif kind == "random":
        path.write_bytes(random.Random(0).randbytes(5000))
    elif kind == "truncated":
        data = make_video(path).read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
    elif kind == "audio":
        with av.open(str(path), "w") as file:
            stream = file.add_stream("aac", rate=16000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
            frame.sample_rate = 16000
            file.mux(stream.encode(frame))
            file.mux(stream.encode())
    with pytest.raises(VideoError) as caught, Video(path):
        pass
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_number_outside_is_an_error_and_never_another_frame(make_video, tmp_path):
    with Video(make_video(tmp_path / "a.mp4", frames=5)) as video:
        for number in (5, -1, 1000):
            with pytest.raises(VideoError, match="5 frames"):
                video.frame(number)
        assert make_video.number(video.frame(4)) == 4


@pytest.mark.parametrize("coding", CODINGS)
def test_a_damaged_middle_loses_only_that(make_video, tmp_path, coding):
    path = make_video(tmp_path / "a.mp4", frames=60, **CODINGS[coding])
    damage(path, 30)
    for order in (list(range(60)), random.Random(2).sample(range(60), 60), list(range(59, -1, -1))):
        with Video(path) as video:
            found = dict(video.read(order))
        assert found[30] is None
        right = [n for n in order if found[n] is not None and make_video.number(found[n]) == n]
        # A picture built on the lost one may be wrong in long groups; before it none is touched.
        assert set(right) >= set(range(30)) if coding == "default" else len(right) >= 58


def test_what_is_lost_does_not_depend_on_the_order_of_reading(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", frames=60, g=10, bf=2)
    damage(path, 30)
    lost = set()
    for seed in range(6):
        order = random.Random(seed).sample(range(60), 60)
        with Video(path) as video:
            lost.add(tuple(sorted(n for n, image in video.read(order) if image is None)))
    assert len(lost) == 1


@pytest.mark.parametrize("about", [{"codec": "mpeg4", "g": 10}, {"g": 10, "bf": 2}])
def test_a_damaged_avi_never_gives_another_frame(make_video, tmp_path, about):
    """AVI does not say when a reordered frame is shown: then less is read, but nothing wrong."""
    path = make_video(tmp_path / "a.avi", frames=60, size=(96, 64), **about)
    damage(path, 30)
    with Video(path) as video:
        found = {n: image for n, image in video.read(range(60)) if image is not None}
    wrong = [n for n, image in found.items() if make_video.number(image) != n]
    assert wrong == []
