"""``dfbench data check``: what is listed against what is on disk, and equal contents."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from checked import box, check, copy, finding, found, write_pictures

from dfbench.errors import DataError


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
