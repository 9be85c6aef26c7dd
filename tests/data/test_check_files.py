"""``dfbench data check``: files that cannot be read, are damaged, or of another rate."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import av
import pytest
from checked import _audio, _cut, box, check, finding, found, spoil, write_pictures

from dfbench.catalogue.cards import DatasetCard
from dfbench.catalogue.records import VideoRecord
from dfbench.video.containers import promised_size
from dfbench.video.headers import read_header


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("empty", "zero_bytes"),
        ("text", "not_a_video"),
        ("random", "not_a_video"),
        ("audio", "no_video_stream"),
        ("picture", "not_a_video"),
        ("no pictures", "no_frames"),
        ("pipe", "no_file"),
        ("cut", "cut_short"),
        ("cut web", "cut_short"),
        ("cut avi", "cut_short"),
        ("cut mkv", "cut_short"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_reason(dataset, make_video, how, reason):
    spoil(dataset / "f1.mp4", how, make_video)
    report = check(dataset)
    assert found(report) == {("unreadable", reason): "broken"}
    assert report.broken
    (example,) = report.findings[0].examples
    assert example.startswith("f1.mp4")
    assert report.findings[0].count == 1


def test_a_link_to_nothing_is_a_missing_video(tmp_path, clips, make_video):
    for n, data in enumerate(clips):
        path = tmp_path / ("real" if n < 4 else "fake") / f"{n}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    spoil(tmp_path / "fake" / "5.mp4", "link", make_video)
    report = check(tmp_path)
    assert found(report) == {("missing", ""): "broken"}
    assert finding(report, "missing").examples == ("fake/5.mp4",)


@pytest.mark.parametrize(
    "name", ["A.MP4", "a.mkv", "a.avi", "a.mov", "a%03d.mp4", "http:b.mp4", "ä[red]ü.mp4", "a.gif"]
)
def test_a_file_that_can_be_read_is_no_finding(make_video, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # a relative path with a colon looks like an address
    path = Path(name)
    ending = path.suffix.lower()
    codec = {".avi": "mpeg4", ".gif": "gif"}.get(ending, "libx264")
    if codec == "gif":
        with av.open(f"file:{path}", "w") as file:
            stream = file.add_stream("gif", rate=10)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "rgb8"
            for n in range(5):
                image = av.VideoFrame.from_ndarray(make_video.paint(n, (96, 64)), format="rgb24")
                file.mux(stream.encode(image.reformat(format="rgb8")))
            file.mux(stream.encode())
    else:
        made = make_video(Path(f"made{ending}"), frames=12, codec=codec)
        made.rename(path)
    header = read_header(path)
    assert header.fault == ""
    assert (header.width, header.height) == (96, 64)
    assert header.codec == {".avi": "mpeg4", ".gif": "gif"}.get(ending, "h264")
    assert header.size == path.stat().st_size
    deep = read_header(path, deep=True)
    assert (deep.decoded, deep.bad_frames) == (5 if codec == "gif" else 12, 0)


def test_a_song_with_a_cover_is_no_video(tmp_path, make_video):
    sound, cover = (
        tmp_path / "a.mp4",
        make_video(tmp_path / "c.mp4", frames=1, codec="mjpeg", strict=-1),
    )
    path = tmp_path / "song.mp4"
    _audio(sound)
    with av.open(str(sound)) as a, av.open(str(cover)) as c, av.open(str(path), "w") as out:
        tune = out.add_stream_from_template(a.streams.audio[0])
        image = out.add_stream_from_template(c.streams.video[0])
        image.disposition = av.stream.Disposition.attached_pic
        for stream, source in ((image, c.demux(video=0)), (tune, a.demux(audio=0))):
            for packet in source:
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    assert read_header(path).fault == "no_video_stream"


def test_a_folder_of_pictures_is_read_as_a_video(tmp_path):
    folder = write_pictures(tmp_path / "a")
    header = read_header(folder, deep=True)
    assert (header.format, header.codec, header.frames) == ("pictures", "png", 5)
    assert (header.width, header.height, header.decoded) == (30, 40, 5)
    assert header.size == sum(file.stat().st_size for file in folder.iterdir())


def test_damaged_pictures_are_found_without_noise(tmp_path, capfd):
    folder = write_pictures(tmp_path / "a")
    _cut(folder / "3.png")
    assert read_header(folder).fault == ""
    assert read_header(folder, deep=True).bad_frames == 1
    _cut(folder / "0.png")
    assert read_header(folder).fault == "undecodable"
    assert (read_header(folder, deep=True).fault, read_header(folder, deep=True).decoded) == ("", 3)
    for file in folder.iterdir():
        file.write_bytes(b"")
    assert read_header(folder).fault == "zero_bytes"
    assert capfd.readouterr().err == ""


def test_only_a_deep_look_sees_damage_inside(dataset, make_video):
    path = make_video(dataset / "f1.mp4", frames=60, g=1)
    with av.open(str(path)) as file:
        packets = [(p.pos, p.size) for p in file.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    place, size = packets[30]
    data[place : place + size] = bytes(size)
    path.write_bytes(data)
    assert found(check(dataset)) == {}
    report = check(dataset, deep=True)
    assert found(report) == {("damaged_frames", ""): "notice"}
    assert finding(report, "damaged_frames").examples == ("f1.mp4 (1 of 60 frames)",)
    for place, size in packets:
        data[place : place + size] = bytes(size)
    path.write_bytes(data)
    assert found(check(dataset, deep=True)) == {("unreadable", "undecodable"): "broken"}


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        (box(b"ftyp", b"isom") + box(b"mdat", bytes(50)), False),
        (box(b"ftyp", b"isom") + box(b"mdat", bytes(50), wide=True), False),
        ((box(b"ftyp", b"isom") + box(b"mdat", bytes(50), wide=True))[:-1], True),
        (box(b"ftyp", b"isom") + struct.pack(">I4s", 0, b"mdat") + bytes(9), False),
        (box(b"ftyp", b"isom") + struct.pack(">I4s", 5, b"mdat") + bytes(9), False),
        (box(b"ftyp", b"isom") + b"appended by a camera, with more than it seems", False),
        (box(b"ftyp", b"isom") + box(b"moov", b"x") + bytes(3), False),
        (b"RIFF" + struct.pack("<I", 20) + b"AVI " + bytes(16), False),
        (b"RIFF" + struct.pack("<I", 20) + b"AVI " + bytes(15), True),
        (b"RIFF" + struct.pack("<I", 900) + b"WAVE" + bytes(15), False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x85" + bytes(5), False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x85" + bytes(4), True),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff" + bytes(4), False),  # live: size unknown
        (b"\x1a\x45\xdf\xa3", False),
        (b"", False),
    ],
)
def test_a_file_that_ends_before_its_boxes_do(data, cut):
    assert (promised_size(BytesIO(data), len(data)) > len(data)) == cut


# --- compression ----------------------------------------------------------------------------


def compressed(root: Path) -> Iterable[VideoRecord]:
    for n, folder in enumerate(sorted(p.name for p in root.iterdir() if p.is_dir())):
        path = root / folder / "000.mp4"
        yield VideoRecord(
            f"{folder}/000.mp4", path, n % 2, "train", attributes={"compression": folder}
        )


@pytest.mark.parametrize(
    ("folder", "encoder", "right"),
    [
        ("c23", {"crf": 23}, True),
        ("c23", {"crf": 40}, False),
        ("c40", {"crf": 40}, True),
        ("c40", {"crf": 23}, False),
        ("raw", {"crf": 0}, True),
        ("raw", {"qp": 0}, True),
        ("raw", {"crf": 23}, False),
        ("c23", {"codec": "mpeg4"}, True),  # no x264, no evidence
        ("original", {"crf": 40}, True),
    ],
)
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_rate_that_contradicts_the_folder(tmp_path, make_video, folder, encoder, right, ending):
    made = make_video(tmp_path / folder / f"a.{ending}", **encoder)
    made.rename(made.with_name("000.mp4"))
    card = DatasetCard(name="own", summary="", target=f"{__name__}:compressed")
    report = check(tmp_path, card)
    assert found(report) == ({} if right else {("compression", ""): "broken"})
    if not right:
        (example,) = finding(report, "compression").examples
        assert f"crf {encoder['crf']}, not {folder}" in example
