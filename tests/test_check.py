"""``dfbench data check``: each thing that can be wrong is found, and a healthy dataset is not
accused."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from dfbench.catalogue.cards import DatasetCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.catalogue.reporter import Reporter
from dfbench.data.check import Report, check_dataset
from dfbench.data.duplicates import in_parallel
from dfbench.data.splits import make_split
from dfbench.errors import DataError, ResourceError
from dfbench.video.containers import promised_size
from dfbench.video.headers import read_header
from dfbench_celebdf import dfbench_datasets as celebdf_cards


def check(root: Path, card: DatasetCard | str = "folder", **how: Any) -> Report:
    """The report on ``root``, of an installed dataset or of a card of the test's own."""
    if isinstance(card, str):
        return check_dataset(card, open_catalogue(), {card: root}, root / "cache", **how)
    known: Any = SimpleNamespace(dataset=lambda _: (None, card))
    return check_dataset(card.name, known, {card.name: root}, root / "cache", **how)


def found(report: Report) -> dict[tuple[str, str], str]:
    """(kind, reason) -> severity."""
    return {(f.kind, f.reason): f.severity for f in report.findings}


def finding(report: Report, kind: str):
    (one,) = (f for f in report.findings if f.kind == kind)
    return one


@pytest.fixture(scope="session")
def clips(tmp_path_factory, make_video) -> list[bytes]:
    """Eight small videos of eight contents."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [make_video(folder / f"{n}.mp4", frames=6 + n, size=(64, 48)) for n in range(8)]
    return [path.read_bytes() for path in paths]


@pytest.fixture
def dataset(tmp_path, clips):
    """A folder whose list gives every video a split: two of each class in train, one elsewhere."""
    rows = [
        ("r0", "real", "train"),
        ("r1", "real", "train"),
        ("r2", "real", "val"),
        ("r3", "real", "test"),
        ("f0", "fake", "train"),
        ("f1", "fake", "train"),
        ("f2", "fake", "val"),
        ("f3", "fake", "test"),
    ]
    lines = ["path,label,split,original"]
    for (name, label, split), data in zip(rows, clips, strict=True):
        (tmp_path / f"{name}.mp4").write_bytes(data)
        original = f"r{name[1]}.mp4" if label == "fake" else ""
        lines.append(f"{name}.mp4,{label},{split},{original}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    return tmp_path


def test_nothing_is_wrong_with_a_healthy_dataset(dataset):
    report = check(dataset)
    assert report.findings == ()
    assert not report.broken
    assert report.split == "the dataset's own"
    assert report.codecs == {"h264": 8}
    rows = {
        (row.split, row.label): (row.on_disk, row.listed, row.published) for row in report.counts
    }
    assert rows == {
        ("all", "real"): (4, 4, None),
        ("all", "fake"): (4, 4, None),
        ("train", "real"): (2, 2, None),
        ("train", "fake"): (2, 2, None),
        ("val", "real"): (1, 1, None),
        ("val", "fake"): (1, 1, None),
        ("test", "real"): (1, 1, None),
        ("test", "fake"): (1, 1, None),
    }


# --- files ----------------------------------------------------------------------------------


def _audio(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())


def _index_first(path: Path, make_video) -> None:
    """As for the web: the index before the pictures, so a broken download still opens."""
    source = make_video(path.with_name("source.mp4"))
    first = {"movflags": "faststart"}
    with av.open(str(source)) as old, av.open(str(path), "w", options=first) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    source.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def spoil(path: Path, how: str, make_video) -> None:
    """Put in ``path``'s place a file that is wrong in the given way."""
    path.unlink(missing_ok=True)
    if how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("<html>404 Not Found</html>\n" * 50)
    elif how == "random":
        path.write_bytes(random.Random(0).randbytes(5000))
    elif how == "audio":
        _audio(path)
    elif how == "picture":
        path.write_bytes(cv2.imencode(".jpg", make_video.paint(1, (96, 64)))[1].tobytes())
    elif how == "no pictures":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "link":
        path.symlink_to(path.with_name("gone.mp4"))
    else:
        ending, index = {
            "cut": ("mp4", "last"),
            "cut web": ("mp4", "first"),
            "cut avi": ("avi", ""),
            "cut mkv": ("mkv", ""),
        }[how]
        made = path.with_name(f"made.{ending}")
        if index == "first":
            _index_first(made, make_video)
        else:
            make_video(made, codec="mpeg4" if ending == "avi" else "libx264")
        _cut(made)
        made.rename(path)


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


def write_pictures(folder: Path, number: int = 5, shade: int = 0) -> Path:
    folder.mkdir(parents=True)
    for n in range(number):
        image = np.random.default_rng(n + shade).integers(0, 255, (40, 30, 3), np.uint8)
        cv2.imwrite(str(folder / f"{n}.png"), image)
    return folder


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


def box(kind: bytes, content: bytes, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


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


# --- listed and on disk ---------------------------------------------------------------------


def test_a_lost_video_is_damage_and_an_absent_method_is_a_part(dataset):
    (dataset / "f3.mp4").unlink()
    assert found(check(dataset)) == {("missing", ""): "broken"}
    for name in ("f0", "f1", "f2"):
        (dataset / f"{name}.mp4").unlink()
    report = check(dataset)
    assert found(report) == {("missing", "not_fetched"): "notice"}
    assert not report.broken
    assert finding(report, "missing").count == 4
    rows = {(row.split, row.label): (row.on_disk, row.listed) for row in report.counts}
    assert rows["all", "fake"] == (0, 4)
    assert rows["test", "fake"] == (0, 1)


def test_an_original_that_is_not_there_is_told(tmp_path, clips):
    entries = {"r.mp4": {"label": "REAL"}}
    entries |= {f"{n}.mp4": {"label": "FAKE", "original": "gone.mp4"} for n in range(3)}
    (tmp_path / "metadata.json").write_text(json.dumps(entries))
    for name, data in zip(entries, clips, strict=False):
        (tmp_path / name).write_bytes(data)
    report = check(tmp_path, "dfdc")
    one = finding(report, "original_missing")
    assert (one.severity, one.count, one.examples) == ("notice", 1, ("gone.mp4",))
    assert "3 fakes" in one.text
    assert not report.broken  # one part of fifty is no fault
    assert {f.severity for f in report.findings} == {"notice"}
    assert finding(report, "counts").examples[0] == "all/real: 1 listed, 19,154 published"
    assert report.split.startswith("made by dfbench")


def test_videos_that_no_list_names(dataset):
    for name in (".hidden.mp4", "._r0.mp4", "notes.txt", ".cache/a.mp4"):
        (dataset / name).parent.mkdir(exist_ok=True)
        (dataset / name).write_bytes(b"x")
    assert found(check(dataset)) == {}
    (dataset / "more").mkdir()
    (dataset / "more" / "new.MP4").write_bytes(b"x")
    one = finding(check(dataset), "unlisted")
    assert (one.severity, one.count, one.examples) == ("notice", 1, ("more/new.MP4",))
    for n in range(30):
        (dataset / "more" / f"{n}.mp4").write_bytes(b"x")
    one = finding(check(dataset), "unlisted")
    assert (one.count, one.examples) == (31, ("more/ (31 videos)",))


def test_a_name_that_is_no_text_is_told_all_the_same(dataset):
    try:
        Path(os.fsdecode(os.fsencode(dataset) + b"/bad\xff.mp4")).write_bytes(b"x")
    except OSError:
        pytest.skip("this disk takes only names that are text")
    one = finding(check(dataset), "unlisted")
    assert one.examples[0].encode().startswith(b"bad")


def test_two_records_of_one_id_and_half_a_split_do_not_hide_the_rest(dataset):
    text = (dataset / "list.csv").read_text()
    text += "\n./r0.mp4,fake,train,\nlate.mp4,real,,\n"
    (dataset / "list.csv").write_text(text)
    (dataset / "f1.mp4").write_bytes(b"")
    report = check(dataset)
    assert found(report) == {
        ("id_twice", ""): "broken",
        ("half_split", ""): "broken",
        ("missing", ""): "broken",
        ("unreadable", "zero_bytes"): "broken",
    }
    assert finding(report, "id_twice").examples == ("r0.mp4",)
    assert finding(report, "half_split").examples == ("late.mp4",)


def test_a_dataset_that_cannot_be_listed_is_one_error(tmp_path):
    with pytest.raises(DataError, match="real/ and fake/"):
        check(tmp_path)
    (tmp_path / "real").mkdir()
    with pytest.raises(DataError, match="finds no videos"):
        check(tmp_path)


# --- equal contents -------------------------------------------------------------------------


def copy(dataset: Path, source: str, target: str) -> None:
    (dataset / target).write_bytes((dataset / source).read_bytes())


@pytest.mark.parametrize(
    ("source", "target", "reason", "severity"),
    [
        ("r0.mp4", "r3.mp4", "across_splits", "broken"),
        ("r0.mp4", "f0.mp4", "across_classes", "broken"),
        ("r0.mp4", "f3.mp4", "across_classes", "broken"),
        ("r0.mp4", "r1.mp4", "same_class", "notice"),
    ],
)
def test_one_content_under_two_names(dataset, source, target, reason, severity):
    copy(dataset, source, target)
    report = check(dataset)
    assert found(report) == {("duplicate", reason): severity}
    (example,) = finding(report, "duplicate").examples
    assert source in example
    assert target in example
    assert report.broken == (severity == "broken")


def test_links_to_one_file_are_one_content(dataset):
    (dataset / "r3.mp4").unlink()
    (dataset / "r3.mp4").symlink_to(dataset / "r2.mp4")
    assert found(check(dataset)) == {("duplicate", "across_splits"): "broken"}


def test_equal_size_and_equal_ends_are_not_yet_equal_contents(dataset, clips):
    """A duplicate is only what is equal byte for byte."""
    padding = {"r0": bytes(400_000), "r3": bytes(200_000) + b"\1" + bytes(199_999)}
    for name, data in padding.items():
        (dataset / f"{name}.mp4").write_bytes(clips[0] + box(b"free", data) + box(b"free", b"end"))
    assert found(check(dataset)) == {}
    padding["r3"] = padding["r0"]
    (dataset / "r3.mp4").write_bytes((dataset / "r0.mp4").read_bytes())
    assert found(check(dataset)) == {("duplicate", "across_splits"): "broken"}


def test_empty_files_are_not_called_equal(dataset):
    for name in ("r0.mp4", "r3.mp4"):
        (dataset / name).write_bytes(b"")
    assert found(check(dataset)) == {("unreadable", "zero_bytes"): "broken"}


def test_equal_folders_of_pictures(tmp_path):
    names = {"a": 0, "b": 0, "c": 50, "d": 90}
    for name, shade in names.items():
        write_pictures(tmp_path / name, shade=shade)
    lines = [f"{name},{'fake' if name == 'd' else 'real'},train" for name in names]
    (tmp_path / "list.csv").write_text("path,label,split\n" + "\n".join(lines))
    report = check(tmp_path)
    assert found(report) == {("duplicate", "same_class"): "notice"}
    assert finding(report, "duplicate").examples == ("a (train, real) = b (train, real)",)


# --- splits ---------------------------------------------------------------------------------


def test_a_leak_names_the_pair(dataset):
    text = (
        (dataset / "list.csv")
        .read_text()
        .replace("f3.mp4,fake,test,r3.mp4", "f3.mp4,fake,test,r0.mp4")
    )
    (dataset / "list.csv").write_text(text)
    report = check(dataset)
    assert found(report) == {("leak", ""): "broken"}
    leak = finding(report, "leak")
    assert any("r0.mp4 (train) and f3.mp4 (test) share the original" in e for e in leak.examples)


def people(root: Path) -> Iterable[VideoRecord]:
    """Two people in train, one of them in test as well."""
    rows = [("a", "train", "ann"), ("b", "val", "bob"), ("c", "test", "ann")]
    return [
        VideoRecord(
            f"{n}{label}.mp4",
            root / f"{n}{label}.mp4",
            label,
            split,  # type: ignore[arg-type]
            identities=(person,),
        )
        for label in (0, 1)
        for n, split, person in rows
    ]


def test_a_declared_overlap_is_a_notice_with_its_count(tmp_path, clips):
    for record, data in zip(people(tmp_path), clips, strict=False):
        record.path.write_bytes(data)
    card = DatasetCard(name="own", summary="", target=f"{__name__}:people")
    report = check(tmp_path, card)
    assert found(report) == {("leak", ""): "broken"}
    assert "share the person 'ann'" in finding(report, "leak").examples[0]
    report = check(tmp_path, replace(card, overlap="people were not kept apart"))
    assert found(report) == {("overlap", ""): "notice"}
    assert finding(report, "overlap").count == 1
    assert "people were not kept apart" in finding(report, "overlap").text
    assert not report.broken
    own = tmp_path / "own.csv"  # the card speaks of the official split, not of the user's
    own.write_text("id,split\n" + "\n".join(f"{r.id},{r.split}" for r in people(tmp_path)))
    report = check(tmp_path, replace(card, overlap="people were not kept apart"), split_file=own)
    assert found(report) == {("leak", ""): "broken"}


def swaps(root: Path) -> Iterable[VideoRecord]:
    """Everyone swapped with everyone: whoever stands between two splits is left out."""
    for a in range(6):
        yield VideoRecord(f"{a}.mp4", root / f"{a}.mp4", 0, identities=(f"{a}",))
        for b in range(6):
            if a != b:
                yield VideoRecord(
                    f"{a}_{b}.mp4",
                    root / f"{a}_{b}.mp4",
                    1,
                    original=f"{a}.mp4",
                    identities=(f"{a}", f"{b}"),
                )


def test_what_a_made_split_leaves_out_is_told(tmp_path, clips):
    for n, record in enumerate(swaps(tmp_path)):
        record.path.write_bytes(clips[0] + box(b"free", bytes(n)))
    card = DatasetCard(name="own", summary="", target=f"{__name__}:swaps")
    report = check(tmp_path, card)
    assert found(report) == {}
    records = {record.id: record for record in make_split(list(swaps(tmp_path)))}
    for lost in (id for record in swaps(tmp_path) if (id := record.id) not in records):
        kept = next(id for id, record in records.items() if record.label)
        copy(tmp_path, kept, lost)  # equal to a fake that is used: only one of the two is
        break
    assert found(check(tmp_path, card)) == {("duplicate", "same_class"): "notice"}
    (out,) = {row.listed for row in report.counts if (row.split, row.label) == ("none", "fake")}
    assert out > 0
    assert f"{out} left out: they show people" in report.split


# --- published counts -----------------------------------------------------------------------


def celebdf(**changed: Any) -> DatasetCard:
    card = next(card for card in celebdf_cards() if card.name == "celebdf")
    return replace(card, **changed)


@pytest.fixture
def celeb_part(tmp_path, shared, clips) -> Path:
    """A few videos of Celeb-DF v2 and the official list."""
    listed = shared / "data" / "metadata" / "celebdf" / "List_of_testing_videos.txt"
    (tmp_path / "List_of_testing_videos.txt").write_bytes(listed.read_bytes())
    for name, data in zip(
        (
            "Celeb-real/id0_0000",
            "Celeb-real/id1_0000",
            "Celeb-synthesis/id0_id1_0000",
            "Celeb-synthesis/id1_id0_0000",
            "YouTube-real/00000",
        ),
        clips,
        strict=False,
    ):
        path = tmp_path / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def test_a_part_of_celebdf_is_not_broken(celeb_part):
    report = check(celeb_part, celebdf())
    assert {f.severity for f in report.findings} == {"notice"}, report.findings
    rows = {(row.split, row.label): row for row in report.counts}
    assert (rows["test", "real"].listed, rows["test", "fake"].listed) == (178, 340)
    assert rows["all", "fake"].published == 5639


@pytest.mark.parametrize("entries", [517, 516, 448])
def test_an_edited_test_list_is_found(celeb_part, entries):
    file = celeb_part / "List_of_testing_videos.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:entries]))
    report = check(celeb_part, celebdf())
    assert found(report)["counts", "test_list"] == "broken"
    assert report.broken


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"real": 4, "fake": 4, "test/real": 1, "test/fake": 1}, {}),
        ({"real": 4, "fake": 4, "test/real": 1, "test/fake": 2}, {"test_list": "broken"}),
        ({"real": 4, "fake": 5, "test/real": 1, "test/fake": 1}, {"number": "notice"}),
        ({"real": 4, "fake": 40, "test/real": 1, "test/fake": 10}, {"number": "notice"}),
        ({"real": 3, "fake": 4, "test/real": 1, "test/fake": 1}, {"number": "notice"}),
        ({"test/fake": 2}, {"test_list": "broken"}),
        ({"fake": 400, "test/fake": 2}, {"number": "notice", "test_list": "broken"}),
        ({"train/fake": 9}, {"number": "notice"}),
    ],
)
def test_a_part_is_told_from_an_edited_list(dataset, counts, expected):
    card = replace(open_catalogue().dataset("folder")[1], counts=counts)
    reasons = {f.reason: f.severity for f in check(dataset, card).findings}
    assert reasons == expected


def killed(_: Path) -> None:
    os._exit(9)


def test_a_process_that_is_killed_is_one_line():
    items = [(str(n), Path(f"{n}")) for n in range(2)]
    with pytest.raises(ResourceError, match=r"killed.*lower --workers"):
        list(in_parallel(killed, items, 2, 1, lambda _: None))


def test_a_published_split_without_a_video_is_missed(dataset):
    file = dataset / "list.csv"
    file.write_text(file.read_text().replace(",test,", ",val,"))
    counts = {"real": 4, "fake": 4, "test/real": 1, "test/fake": 1}
    report = check(dataset, replace(open_catalogue().dataset("folder")[1], counts=counts))
    assert finding(report, "counts").examples == (
        "test/real: 0 listed, 1 published",
        "test/fake: 0 listed, 1 published",
    )
    assert report.broken


def with_option(root: Path, which: str, compression: str) -> Iterable[VideoRecord]:
    del which, compression
    return people(root)


def test_published_counts_hold_for_the_default_options(tmp_path, clips):
    for record, data in zip(people(tmp_path), clips, strict=False):
        record.path.write_bytes(data)
    card = DatasetCard(
        name="own",
        summary="",
        target=f"{__name__}:with_option",
        options={"which": "all", "compression": "c23"},
        counts={"real": 100},
        overlap="people",
    )
    assert ("counts", "number") in found(check(tmp_path, card))
    known: Any = SimpleNamespace(dataset=lambda _: (None, card))
    report = check_dataset("own:which=some", known, {"own": tmp_path}, tmp_path)
    assert ("counts", "number") not in found(report)
    assert report.notes == ("published counts are known for the default options only",)
    assert report.options == {"which": "some", "compression": "c23"}
    report = check_dataset("own:compression=c40", known, {"own": tmp_path}, tmp_path)
    assert ("counts", "number") in found(report)


def test_a_split_of_ours_is_not_held_to_the_published_one(tmp_path, clips):
    for n, data in enumerate(clips):
        path = tmp_path / ("real" if n < 4 else "fake") / f"{n}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    card = open_catalogue().dataset("folder")[1]
    report = check(tmp_path, replace(card, counts={"real": 4, "fake": 4, "test/real": 3}))
    assert found(report) == {}
    assert next(row.published for row in report.counts if row.split == "test") is None


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


# --- at work --------------------------------------------------------------------------------


class Counting(Reporter):
    def __init__(self) -> None:
        self.done: dict[str, list[int]] = {}

    def task(self, what: str, total: int):
        self.done[what] = [0, total]

        def advance(steps: int) -> None:
            self.done[what][0] += steps

        return nullcontext(advance)


def test_several_processes_find_what_one_finds(tmp_path, clips):
    """More files than one batch holds."""
    for n in range(300):
        path = tmp_path / ("real" if n % 2 else "fake") / f"{n}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"" if n % 50 == 7 else clips[0] + box(b"free", b"%04d" % (n // 2 % 100)))
    one, counting = check(tmp_path), Counting()
    two = check(tmp_path, workers=2, reporter=counting)
    assert replace(one, seconds=0) == replace(two, seconds=0)
    assert finding(one, "unreadable").count == 6
    assert counting.done["check folder"] == [300, 300]
    assert counting.done["compare contents"][0] == counting.done["compare contents"][1] > 0


@pytest.fixture
def command(command):
    return partial(command, "data", "check")


def test_exit_0_and_a_table_when_nothing_is_wrong(command, dataset):
    result = command("folder", "--data-root", dataset, "--workers", 1)
    assert result.exit_code == 0, result.output
    assert "nothing wrong" in result.stdout
    for word in ("split", "class", "on disk", "listed", "published", "train", "8 videos"):
        assert word in result.stdout


def test_exit_1_and_the_worst_first(command, dataset):
    (dataset / "f1.mp4").write_bytes(b"")
    (dataset / "x[red]é\x1b[31m.mp4").write_bytes(b"x")
    result = command("folder", "--data-root", dataset, "--workers", 1)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    lines = result.stdout.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("broken"))
    second = next(i for i, line in enumerate(lines) if line.startswith("notice"))
    assert first < second
    assert "unreadable (1)  empty; fetch them again" in lines[first]
    assert "f1.mp4" in lines[first + 1]
    assert "x[red]é\\x1b[31m.mp4" in lines[second + 1]


def test_json_is_one_object_and_nothing_else(cli, dataset, make_video):
    """In a process of its own, where libraries write as they like."""
    spoil(dataset / "f1.mp4", "text", make_video)
    spoil(dataset / "f2.mp4", "cut", make_video)
    done = cli(
        "data", "check", "folder", "--data-root", dataset, "--json", "--deep", "--workers", 2
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["broken"] is True
    assert {f["reason"] for f in report["findings"]} == {"not_a_video", "cut_short"}
    assert {"dataset", "root", "split", "counts", "findings", "videos", "codecs"} <= set(report)
    assert done.stderr == ""


def test_wrong_names_and_options(command, dataset):
    result = command("foldr", "--data-root", dataset)
    assert result.exit_code == 1
    assert "Did you mean folder" in result.stderr
    result = command("folder", "--data-root", dataset, "--compression", "c23")
    assert result.exit_code == 2
    assert "--compression is no option of folder" in result.stderr
    assert command("folder", "--data-root", dataset, "--compression").exit_code == 2
    assert command("folder", "more", "--data-root", dataset).exit_code == 2
    assert command().exit_code == 2


def test_a_split_of_one_s_own(command, dataset):
    """It takes the place of the dataset's; what it does not name is left out, and it may leak."""
    own = dataset / "own.txt"
    own.write_text("id,split\nr0.mp4,train\nf0.mp4,test\nr1.mp4,test\n")
    report = check(dataset, split_file=own)
    assert found(report) == {("leak", ""): "broken"}
    assert report.split == f"from {own}; 5 left out: not in own.txt"
    own.write_text(own.read_text().replace("f0.mp4,test", "f0.mp4,train"))
    rows = {(row.split, row.label): row.listed for row in check(dataset, split_file=own).counts}
    assert (rows["train", "fake"], rows["test", "real"], rows["none", "fake"]) == (1, 1, 3)
    result = command("folder", "--data-root", dataset, "--split-file", own, "--workers", 1)
    assert result.exit_code == 0, result.output
    assert "left out" in result.stdout


def test_help_says_what_makes_it_fail_and_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['dfbench', 'data', 'check', '--help']\n"
        "from dfbench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'av', 'cv2', 'numpy', 'joblib', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert "Exit 1 when a rule is broken" in done.stdout
