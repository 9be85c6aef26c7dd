"""Odd videos that are whole, and what is no video at all."""

from __future__ import annotations

import io
import random
import time
import tracemalloc
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from made_videos import packets
from moving_pictures import SIZE, all_frames, decoded, moving

from dfbench.errors import VideoError
from dfbench.video.reader import Video

# --- odd, and whole -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_rate_that_varies(make_video, tmp_path, ending):
    """Frames are counted, not timed: each has one number however long it is shown."""
    gaps = random.Random(4).choices([10, 17, 33, 40, 700], k=60)
    times = np.cumsum([300, *gaps]).tolist()
    path = make_video(tmp_path / f"a.{ending}", frames=60, g=15, times=times.__getitem__)
    with Video(path) as video:
        assert len(video) == 60
        assert 1 < video.fps < 60
        order = random.Random(1).sample(range(60), 60)
        assert [make_video.number(image) for _, image in video.read(order)] == order


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_resolution_that_changes_in_the_middle(make_video, tmp_path, codec, ending):
    """All frames have the size that the file names."""
    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for packet in packets(codec, SIZE, range(20), make_video.paint):
            packet.stream = stream
            file.mux(packet)
        for packet in packets(codec, (160, 128), range(20, 40), make_video.paint):
            packet.stream = stream
            file.mux(packet)
    with Video(path) as video:
        for order in (range(40), random.Random(0).sample(range(40), 40)):
            found = dict(video.read(order))
            assert {image.shape for image in found.values()} == {(64, 96, 3)}
            assert [make_video.number(image) for image in found.values()] == list(order)


def test_what_an_edit_list_cuts_away_does_not_count(make_video, tmp_path):
    """An MP4 trimmed without coding it again: its first frames are there and not shown."""
    whole = make_video(tmp_path / "whole.mp4", frames=60, g=20)
    path = tmp_path / "a.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(path), "w", container_options={"avoid_negative_ts": "disabled"}) as file,
    ):
        stream = file.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts -= 25 * packet.duration
                packet.dts -= 25 * packet.duration
                packet.stream = stream
                file.mux(packet)
    with Video(path) as video:
        assert len(video) == video.promised == 35
        numbers = [make_video.number(image) for _, image in video.read(range(35))]
    assert numbers == list(range(25, 60))


@pytest.mark.parametrize("ending", ["MP4", "Mov", "AVI", "MKV"])
def test_an_ending_in_capitals(make_video, tmp_path, ending):
    made = make_video(tmp_path / f"a.{ending.lower()}", frames=9, g=1)
    with Video(made.rename(tmp_path / f"A.{ending}")) as video:
        assert make_video.number(video.frame(7)) == 7


def test_a_gif(tmp_path):
    path = tmp_path / "a.gif"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "rgb8"
        for number in range(20):
            picture = av.VideoFrame.from_ndarray(moving(number), format="rgb24")
            file.mux(stream.encode(picture.reformat(format="rgb8")))
        file.mux(stream.encode())
    expected = all_frames(path)
    with Video(path) as video:
        assert len(video) == len(expected) == 20
        for number in (13, 2, 19):
            assert np.array_equal(video.frame(number), expected[number])


def test_ten_hours_are_read_in_seconds(ten_hours, make_video, monkeypatch):
    """32 frames cost at most 32 groups of 50, not 36,000 frames."""
    begin = time.perf_counter()
    with Video(ten_hours) as video:
        assert (len(video), video.fps) == (36_000, pytest.approx(1))
        read = decoded(monkeypatch)
        numbers = [562 + 1125 * i for i in range(32)]
        found = {n: make_video.number(image) for n, image in video.read(numbers)}
    assert found == {n: n % 50 for n in numbers}
    assert len(read) <= 32 * (50 + 20)
    assert time.perf_counter() - begin < 15


def test_ten_hours_take_no_memory_to_speak_of(ten_hours):
    tracemalloc.start()
    try:
        with Video(ten_hours) as video:
            for _ in video.read(range(0, 36_000, 1000)):
                pass
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


# --- what is no video -----------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["mp3", "mp4"])
def test_the_cover_of_a_song_is_no_video(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    _, jpeg = cv2.imencode(".jpg", moving(0))
    with av.open(io.BytesIO(jpeg.tobytes())) as cover, av.open(str(path), "w") as file:
        sound = file.add_stream("libmp3lame" if ending == "mp3" else "aac", rate=44100)
        picture = file.add_stream_from_template(cover.streams.video[0])
        picture.disposition = Disposition.attached_pic
        packet = next(cover.demux(video=0))
        packet.stream, packet.pts, packet.dts = picture, 0, 0
        file.mux(packet)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), "fltp", "mono")
        samples.sample_rate = 44100
        file.mux(sound.encode(samples))
        file.mux(sound.encode())
    with av.open(str(path)) as file:
        assert len(file.streams.video) == 1
    with pytest.raises(VideoError, match="no video stream"):
        Video(path)


LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {}\n",
}


@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.ffconcat", "a"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_playlist_leads_nowhere(make_video, tmp_path, kind, name):
    """A text that names another file is no video, whatever it is called."""
    secret = make_video(tmp_path / "secret.ts", frames=9)
    for target in (secret, secret.name, f"file:{secret}"):
        (tmp_path / name).write_text(LISTS[kind].format(target))
        with pytest.raises(VideoError, match="cannot be decoded"):
            Video(tmp_path / name)


def test_a_name_with_a_protocol_is_a_file(make_video, tmp_path, monkeypatch):
    make_video(tmp_path / "a.mp4", frames=3).rename(tmp_path / "concat:a.mp4")
    monkeypatch.chdir(tmp_path)
    with Video(Path("concat:a.mp4")) as video:
        assert len(video) == 3


def test_a_codec_that_nobody_knows(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", frames=3)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(VideoError, match="does not know"):
        Video(path)
