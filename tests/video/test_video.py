"""Reading videos: the right frames, and one error for whatever cannot be read."""

from __future__ import annotations

import random

import av
import numpy as np
import pytest
from made_videos import damage
from moving_pictures import CODINGS, SIZE, all_frames, decoded, moving

from dfbench.errors import VideoError
from dfbench.video.reader import Video


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


X264, X265 = "x264-params", "x265-params"
WAYS = {
    "as x264 comes.mp4": {},
    "short groups.mov": {"g": 12},
    "b-pyramid.mp4": {"g": 30, X264: "b-pyramid=normal:bframes=7:b-adapt=0:ref=4"},
    "strict b-pyramid.mkv": {"g": 30, X264: "b-pyramid=strict:bframes=5:b-adapt=0"},
    "open groups.mp4": {"g": 20, X264: "open-gop=1:bframes=4:b-adapt=0"},
    "open groups.mkv": {"g": 20, X264: "open-gop=1:bframes=4:b-adapt=0"},
    "interlaced.mp4": {"g": 20, X264: "interlaced=1:bframes=3"},
    "no key frames.mp4": {X264: "intra-refresh=1:keyint=30:bframes=3", "crf": 35},
    "in pieces.mp4": {"g": 20, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "flash.flv": {"g": 20},
    "x264.avi": {"g": 20},
    "x264.ts": {"g": 20},
    "x264.wmv": {"g": 20},
    "x264.h264": {"g": 20},
    "mpeg4.mp4": {"codec": "mpeg4", "g": 12, "bf": 2},
    "mpeg4.avi": {"codec": "mpeg4", "g": 12, "bf": 2},
    "mpeg4 without b.avi": {"codec": "mpeg4", "g": 12},
    "mpeg1.mpg": {"codec": "mpeg1video", "g": 12, "bf": 2},
    "mpeg2.mkv": {"codec": "mpeg2video", "g": 12, "bf": 2},
    "vp8.webm": {"codec": "libvpx", "g": 30, "deadline": "realtime"},
    "vp9.webm": {"codec": "libvpx-vp9", "g": 30, "cpu-used": 8, "lag-in-frames": 16},
    "hevc.mp4": {"codec": "libx265", X265: "keyint=20:bframes=4:open-gop=0:log-level=none"},
    "open hevc.mkv": {"codec": "libx265", X265: "keyint=20:min-keyint=20:log-level=none"},
    "av1.mp4": {"codec": "libsvtav1", "g": 30, "preset": 12},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_frames_are_those_of_decoding_everything(make_video, tmp_path, way):
    """Jumping to key frames and leaving pictures out change no pixel, in whatever order."""
    how = {"codec": "libx264", **WAYS[way]}
    if how["codec"] not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {how['codec']}")
    path = make_video(tmp_path / way, frames=90, size=SIZE, draw=moving, **how)
    expected = all_frames(path)
    assert len(expected) == 90
    rng = random.Random(way)
    orders = [rng.sample(range(90), count) for count in (2, 3, 5, 8, 12, 90)]
    orders += [sorted(order) for order in orders] + [[n] for n in rng.sample(range(90), 45)]
    with Video(path) as video:
        assert len(video) == 90
        for order in orders:
            for (number, image), asked in zip(video.read(order), order, strict=True):
                assert number == asked
                assert image is not None, (number, order)
                assert np.array_equal(image, expected[number]), (number, order)


def test_a_stretch_without_a_wanted_frame_is_jumped_over(make_video, tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", frames=240, g=10, bf=0)
    with Video(path) as video:
        read = decoded(monkeypatch)
        images = [make_video.number(image) for _, image in video.read([5, 7, 124, 239])]
        assert images == [5, 7, 124, 239]
        assert len(read) < 40
        assert make_video.number(video.frame(3)) == 3
