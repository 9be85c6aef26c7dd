"""Listing videos: nothing lost, nothing listed twice, nothing guessed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest
from listed_files import touch, write_csv

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord, path_inside
from dfbench.data.listing import fingerprint, read_dataset
from dfbench.errors import DataError, SplitError


def video(id: str, label: int = 0, split=None, **about) -> VideoRecord:
    return VideoRecord(id, Path("/data") / id, label, split, **about)


# --- records --------------------------------------------------------------------------------


def test_a_record_refuses_what_would_be_misread():
    for wrong in ("", "/a.mp4", r"real\a.mp4", "a\nb.mp4", "a\udcff.mp4"):
        with pytest.raises(DataError):
            video(wrong)
    for label in (2, -1, "FAKE", None):
        with pytest.raises(DataError):
            video("a", label)
    with pytest.raises(DataError):
        video("a", 0, "valid")
    assert video("a").group == "a"
    assert video("a", 1, original="b").group == "b"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        r"..\x",
        r"C:\x.mp4",
        "C:/x.mp4",
        r"\x.mp4",
        "a\0b.mp4",
    ],
)
def test_a_list_cannot_name_a_file_outside_the_root(tmp_path, name):
    with pytest.raises(DataError):
        path_inside(tmp_path, name)


def test_a_list_may_name_a_file_inside_in_either_spelling(tmp_path):
    assert path_inside(tmp_path, "a/b.mp4") == tmp_path / "a" / "b.mp4"
    assert path_inside(tmp_path, r"a\b.mp4") == tmp_path / "a" / "b.mp4"
    assert path_inside(tmp_path, "a/../b.mp4").resolve() == tmp_path / "b.mp4"


# --- listing --------------------------------------------------------------------------------


def read(root: Path, cache: Path, name: str = "folder", **how):
    return read_dataset(name, open_catalogue(), {name: root}, cache, **how)


def test_an_empty_folder_and_a_missing_one_say_what_to_do(tmp_path):
    (tmp_path / "real").mkdir()
    with pytest.raises(DataError, match=r"finds no videos.*Give a folder"):
        read(tmp_path, tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "gone", tmp_path)
    with pytest.raises(DataError, match=r"--data-root DIR.*dfbench data root folder"):
        read_dataset("folder", open_catalogue(), {}, tmp_path)


def test_a_video_listed_twice_is_an_error(tmp_path):
    path = write_csv(tmp_path, "path,label\na.mp4,real\n./a.mp4,fake\n")
    with pytest.raises(DataError, match=r"stand twice.*'a\.mp4'"):
        read(path, tmp_path)


@pytest.mark.parametrize("spelling", ["./x//a.mp4", "x/y/../a.mp4", "x\\a.mp4", "{0}/x/a.mp4"])
def test_a_path_in_another_spelling_is_the_same_video(tmp_path, spelling):
    """Else a leak would go unseen."""
    name = spelling.format(tmp_path)
    path = write_csv(tmp_path, f"path,label\nx/a.mp4,real\n{name},fake\n")
    with pytest.raises(DataError, match=r"stand twice.*'x/a\.mp4'"):
        read(path, tmp_path)
    rows = f"x/a.mp4,real,train,\nb.mp4,fake,test,{name}\n"
    path = write_csv(tmp_path, "path,label,split,original\n" + rows)
    with pytest.raises(SplitError, match=r"share the original 'x/a\.mp4'"):
        read(path, tmp_path)


def test_a_folder_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    """Root may read everything, so the disk's refusal is acted."""
    touch(tmp_path, "real/a.mp4", "fake/swap/b.mp4")
    scan = os.scandir

    def refuse(place):
        if Path(place).name == "swap":
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DataError, match=r"fake/swap cannot be listed: Permission denied"):
        read(tmp_path, tmp_path)
    monkeypatch.undo()

    def iterdir(self):
        raise PermissionError(13, "Permission denied", str(self))

    touch(tmp_path, "uadfv/real/0000.mp4", "uadfv/fake/0000_fake.mp4")
    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(DataError, match=r"uadfv/real cannot be read: Permission denied"):
        read(tmp_path / "uadfv", tmp_path, "uadfv")


def test_half_a_split_is_an_error(tmp_path):
    path = write_csv(tmp_path, "path,label,split\na.mp4,real,train\nb.mp4,fake,\n")
    with pytest.raises(DataError, match=r"b\.mp4 has none"):
        read(path, tmp_path)


def test_a_split_that_leaks_stops(tmp_path):
    path = write_csv(
        tmp_path, "path,label,split,original\na.mp4,real,train,\nb.mp4,fake,test,a.mp4\n"
    )
    with pytest.raises(SplitError, match=r"a\.mp4 \(train\) and b\.mp4 \(test\) share"):
        read(path, tmp_path)


def test_only_tested_on_everything_is_the_test_set(tmp_path):
    touch(tmp_path, "real/a.mp4", "fake/b.mp4")
    listing = read(tmp_path, tmp_path / "cache", trained_on=False)
    assert {r.split for r in listing.records} == {"test"}


def test_the_fingerprint_is_of_the_list_and_not_of_this_machine(tmp_path):
    for root in ("one", "two"):
        touch(tmp_path / root, "real/a.mp4", "fake/b.mp4")
    one, two = (read(tmp_path / r, tmp_path / "c").records for r in ("one", "two"))
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one[::-1]) != fingerprint(one), "training draws by position"
    changed = [replace(one[0], label=1 - one[0].label), one[1]]
    assert fingerprint(changed) != fingerprint(one)
    (tmp_path / "two" / "real" / "a.mp4").write_bytes(b"longer than before")
    assert fingerprint(two) != fingerprint(one)


def test_ids_use_one_separator_on_every_system():
    """Fault 9: a Windows path as it stands is refused, so no id depends on the system."""
    with pytest.raises(DataError):
        video(str(PureWindowsPath("real/a.mp4")))
