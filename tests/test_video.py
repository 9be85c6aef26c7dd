"""Reading videos: the right frames, and one error for whatever cannot be read."""

from __future__ import annotations

import io
import random
import shutil
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

import dfbench.video.reader
from dfbench.errors import VideoError
from dfbench.video.reader import Video

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


# --- the same pixels as decoding all of it --------------------------------------------------

SIZE = (96, 64)
_NOISE = np.random.default_rng(0).integers(0, 256, (140, 180, 3), np.uint8)
_BACKGROUND = cv2.normalize(cv2.GaussianBlur(_NOISE, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def moving(number: int) -> np.ndarray:
    """A picture that every other of the video differs from, in a way that is worth predicting:
    the camera wanders over a pattern, and now and then the light changes."""
    x, y = int(40 + 38 * np.sin(number / 5)), int(38 + 36 * np.cos(number / 7))
    image = _BACKGROUND[y : y + SIZE[1], x : x + SIZE[0]].copy()
    image[8:20, (3 * number) % 80 :][:, :10] = (255, number % 256, 0)
    return 255 - image if number % 37 == 36 else image


def all_frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.codec_context.thread_count = 1
        return [picture.to_ndarray(format="rgb24") for picture in file.decode(stream)]


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


def decoded(monkeypatch) -> list[int]:
    """The sizes of the packets that are read from now on, while frames are looked for."""
    read: list[int] = []
    packets = Video.packets

    def counting(video: Video, time: int | None):
        for packet in packets(video, time):
            read.append(packet.size)
            yield packet

    monkeypatch.setattr(dfbench.video.reader.Video, "packets", counting)
    return read


def test_a_stretch_without_a_wanted_frame_is_jumped_over(make_video, tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", frames=240, g=10, bf=0)
    with Video(path) as video:
        read = decoded(monkeypatch)
        images = [make_video.number(image) for _, image in video.read([5, 7, 124, 239])]
        assert images == [5, 7, 124, 239]
        assert len(read) < 40
        assert make_video.number(video.frame(3)) == 3


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


def packets(codec: str, size: tuple[int, int], numbers: range, draw) -> list[av.Packet]:
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), 25
    encoder.options = {"g": "10", "bf": "0"}
    found = []
    for number in numbers:
        picture = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        found += encoder.encode(picture)
    return found + encoder.encode()


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


# --- damage ---------------------------------------------------------------------------------


def test_a_file_cut_short_behind_its_index_gives_what_is_left(make_video, tmp_path):
    """Fault 10: as an interrupted download leaves it."""
    path = make_video(
        tmp_path / "a.mp4", frames=60, g=10, draw=moving, size=SIZE, muxer={"movflags": "faststart"}
    )
    whole = [image.tobytes() for image in all_frames(path)]
    data = path.read_bytes()
    for share in (0.5, 0.7, 0.9, 0.97):
        path.write_bytes(data[: int(len(data) * share)])
        with Video(path) as video:
            assert 15 < len(video) < video.promised == 60
            found = dict(video.read(range(len(video))))
        lost = [number for number, image in found.items() if image is None]
        assert len(lost) <= 1  # the picture that the cut goes through
        assert {image.tobytes() for image in found.values() if image is not None} <= set(whole)
        sure = len(found) - 4  # the very last may come before one of those that are gone
        assert [found[n].tobytes() for n in range(sure)] == whole[:sure]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts", "flv", "webm"])
def test_damage_anywhere_is_lost_frames_or_a_video_error_and_nothing_else(
    make_video, tmp_path, ending
):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(ending, "libx264")
    muxer = {"movflags": "faststart"} if ending == "mp4" else {}
    path = make_video(
        tmp_path / f"a.{ending}", frames=30, g=6, codec=codec, draw=moving, size=SIZE, muxer=muxer
    )
    data = path.read_bytes()
    rng = random.Random(ending)
    outcomes = set()
    for turn in range(40):
        hurt = bytearray(data)
        at, length = rng.randrange(len(data)), rng.randrange(1, 3000)
        if turn % 4 == 0:
            del hurt[at:]
        elif turn % 4 == 1:
            hurt[at : at + length] = bytes(len(hurt[at : at + length]))
        elif turn % 4 == 2:
            hurt[at : at + length] = rng.randbytes(len(hurt[at : at + length]))
        else:
            for _ in range(length // 100 + 1):
                hurt[rng.randrange(len(hurt))] ^= 1 << rng.randrange(8)
        path.write_bytes(hurt)
        try:
            with Video(path) as video:
                count = len(video)
                order = rng.sample(range(count), min(count, 6))
                found = [*video.read(sorted(order)), *video.read(order)]
        except VideoError:
            outcomes.add("refused")
            continue
        lost = sum(image is None for _, image in found)
        outcomes.add("whole" if not lost else "part" if lost < len(found) else "lost")
        assert all(image is None or image.shape == (64, 96, 3) for _, image in found) or lost
    assert len(outcomes) > 1


@pytest.mark.parametrize("lost", [range(30), range(20, 40), range(60)])
def test_an_avi_with_a_damaged_index_is_read_from_its_start(make_video, tmp_path, lost):
    """After a jump FFmpeg would count from what is left of the index."""
    path = make_video(tmp_path / "a.avi", frames=60, g=10, codec="mpeg4", qscale=2)
    data = bytearray(path.read_bytes())
    entries = data.rindex(b"idx1") + 8
    data[entries + 16 * lost.start : entries + 16 * lost.stop] = bytes(16 * len(lost))
    path.write_bytes(data)
    order = random.Random(0).sample(range(60), 60)
    with Video(path) as video:
        assert [make_video.number(image) for _, image in video.read(order)] == order


def test_a_video_that_goes_while_it_is_read(make_video, tmp_path):
    path = make_video(tmp_path / "a.avi", frames=30, bf=2)
    with Video(path) as video:
        assert video.frame(20) is not None
        shutil.move(path, tmp_path / "b.avi")
        assert [image for _, image in video.read([3])] == [None]
