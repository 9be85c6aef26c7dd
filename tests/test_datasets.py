"""Listing videos and splitting them: nothing lost, nothing shared, nothing guessed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord, path_inside
from dfbench.data.leaks import check_leaks
from dfbench.data.listing import fingerprint, read_dataset
from dfbench.data.splits import clusters, count
from dfbench.errors import DataError, SplitError
from dfbench_dfdc.records import records as dfdc
from dfbench_dfdc.records import split_of
from dfbench_folder.records import records as folder


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


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


# --- folder ---------------------------------------------------------------------------------


def test_folder_with_real_and_fake(tmp_path):
    touch(
        tmp_path,
        "real/a.mp4",
        "real/x/b.MOV",
        "fake/c.mkv",
        "fake/swap/d.mp4",
        "fake/swap/1/e.avi",
        "real/notes.txt",
        "real/.hidden.mp4",
        "fake/.cache/f.mp4",
        "real/._a.mp4",
        "other/g.mp4",
    )
    (tmp_path / "real" / "folder.mp4").mkdir()
    found = {r.id: (r.label, r.method, r.split) for r in folder(tmp_path)}
    assert found == {
        "real/a.mp4": (0, None, None),
        "real/x/b.MOV": (0, None, None),
        "fake/c.mkv": (1, "fake", None),
        "fake/swap/d.mp4": (1, "swap", None),
        "fake/swap/1/e.avi": (1, "swap", None),
    }
    assert all(r.path.is_file() for r in folder(tmp_path))


def test_folder_follows_links_but_not_in_a_circle(tmp_path):
    root = tmp_path / "data"
    touch(tmp_path / "far", "swap/a.mp4", "swap/b/c.mp4")
    touch(root, "real/r.mp4", "fake/near/d.mp4")
    (root / "fake" / "far").symlink_to(tmp_path / "far" / "swap")
    (root / "fake" / "round").symlink_to(root / "fake")
    (tmp_path / "far" / "swap" / "b" / "up").symlink_to(tmp_path / "far" / "swap")
    (root / "fake" / "self.mp4").symlink_to(root / "fake" / "self.mp4")
    assert [r.id for r in folder(root)] == [
        "real/r.mp4",
        "fake/far/a.mp4",
        "fake/far/b/c.mp4",
        "fake/near/d.mp4",
        "fake/self.mp4",
    ]


def test_equal_names_under_two_methods_stay_apart(tmp_path):
    """Fault 3: FF++'s four manipulations of 000_003."""
    touch(tmp_path, "real/000.mp4", "fake/a/000_003.mp4", "fake/b/000_003.mp4")
    assert len({r.id for r in folder(tmp_path)}) == 3


def write_csv(root: Path, text: str | bytes, name: str = "list.csv") -> Path:
    data = text.encode() if isinstance(text, str) else text
    (root / name).write_bytes(data)
    return root / name


def test_csv_as_spreadsheets_write_it(tmp_path):
    """Byte order mark, CRLF, upper-case, spaces, Windows separators, a file name with a comma."""
    text = (
        "\ufeffPath, LABEL ,Split,Group,Method,Original\r\n"
        "real\\a.mp4,REAL,Train,ann,,\r\n"
        'fake\\"b, c.mp4,Fake,VALIDATION,ann,Swap,real\\a.mp4\r\n'.replace('"b, c.mp4', "b.mp4")
        + '"fake/c, d.mp4",1,test,,,\r\n'
        "./e.mp4,0,valid,,,ignored\r\n"
        "\r\n"
    )
    path = write_csv(tmp_path, text)
    found = {r.id: r for r in folder(path)}
    assert list(found) == ["real/a.mp4", "fake/b.mp4", "fake/c, d.mp4", "e.mp4"]
    a, b, c, e = found.values()
    assert (a.label, a.split, a.group, a.method, a.original) == (0, "train", "ann", None, None)
    assert (b.label, b.split, b.method, b.original) == (1, "val", "Swap", "real/a.mp4")
    assert (c.label, c.split, c.group, c.method) == (1, "test", "fake/c, d.mp4", "fake")
    assert (e.label, e.split, e.original) == (0, "val", None)
    assert a.path == tmp_path / "real" / "a.mp4"
    assert list(folder(tmp_path)) == list(folder(path))  # the only CSV in the folder


def test_csv_may_name_files_elsewhere_by_an_absolute_path(tmp_path):
    (record,) = folder(write_csv(tmp_path, "path,label\n/data/a.mp4,real\n"))
    assert record.path == Path("/data/a.mp4")
    assert not record.id.startswith("/")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\na.mp4,real\n\nb.mp4,maybe\n", "line 4.*'maybe'"),
        ("path,label\na.mp4,2\n", "line 2.*'2'"),
        ("path,label\na.mp4\n", "line 2"),
        ("path,label\n,real\n", "line 2"),
        ("path,label\n../a.mp4,real\n", "line 2.*not a path inside"),
        ("path,label\nC:\\a.mp4,real\n", "line 2.*not a path inside"),
        ("path,label,split\na.mp4,real,holdout\n", "line 2.*'holdout'"),
        ("name,label\na.mp4,real\n", "columns path and label"),
        ("path;label\na.mp4;real\n", "columns path and label"),
        ("path,label,Label\na.mp4,real,fake\n", "the column label twice"),
        ("", "columns path and label"),
        ("path,label\nä.mp4,real\n".encode("utf-16"), "no UTF-8 text"),
        ("path,label\n" + "x" * 200_000 + ",real\n", "cannot be read"),
    ],
)
def test_csv_errors_name_file_and_line(tmp_path, text, says):
    with pytest.raises(DataError, match=says) as caught:
        list(folder(write_csv(tmp_path, text)))
    assert "list.csv" in str(caught.value)


def test_folder_one_level_too_deep_says_where_to_look(tmp_path):
    touch(tmp_path, "data/real/a.mp4", "data/fake/b.mp4")
    with pytest.raises(DataError, match=f"Did you mean {tmp_path / 'data'}"):
        folder(tmp_path)


def test_two_lists_are_not_guessed_between(tmp_path):
    write_csv(tmp_path, "path,label\n", "a.csv")
    write_csv(tmp_path, "path,label\n", "b.csv")
    with pytest.raises(DataError, match="one CSV"):
        folder(tmp_path)


# --- dfdc -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def names(shared) -> dict:
    """The 400 entries of Kaggle's sample."""
    path = shared / "data" / "metadata" / "dfdc" / "train_sample_metadata.json"
    return json.loads(path.read_text())


def write_part(root: Path, entries: dict, encoding: str = "utf-8") -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "metadata.json").write_text(json.dumps(entries), encoding)
    touch(root, *entries)


def families(names: dict) -> list[dict]:
    """Entries by their original; the originals that are real videos here are added."""
    found: dict[str, dict] = {}
    for name, entry in names.items():
        found.setdefault(entry["original"] or name, {})[name] = entry
    return [found[name] for name in sorted(found)]


def test_dfdc_parts_give_the_usual_split(tmp_path, names):
    parts = {0: 3, 34: 2, 35: 2, 39: 1, 40: 2, 49: 3}
    waiting = families(names)
    expected = {}
    for part, number in parts.items():
        entries = {k: v for _ in range(number) for k, v in waiting.pop().items()}
        write_part(tmp_path / f"dfdc_train_part_{part}", entries)
        split = "train" if part < 35 else "val" if part < 40 else "test"
        expected |= {name: (split, int(e["label"] == "FAKE")) for name, e in entries.items()}
    found = list(dfdc(tmp_path))
    assert {r.id: (r.split, r.label) for r in found} == expected
    assert all(r.path.is_file() for r in found)
    assert check_leaks(found, "dfdc")


def test_dfdc_split_of_parts():
    assert [split_of(n) for n in (0, 34, 35, 39, 40, 49)] == ["train"] * 2 + ["val"] * 2 + [
        "test"
    ] * 2
    assert split_of(None) is None


@pytest.mark.parametrize("place", [".", "train_sample_videos", "dfdc_train_part_7"])
def test_dfdc_sample_is_split_by_original(tmp_path, names, place):
    """Kaggle's 400 videos: the folder itself, or a single part in a root."""
    root = tmp_path / place
    write_part(root, names)
    listing = read_dataset(
        "dfdc", open_catalogue(), {"dfdc": root if "part" not in place else tmp_path}, tmp_path
    )
    assert not listing.own_split
    assert count(listing.records) == {"videos": 400, "real": 77, "fake": 323}
    where: dict[str, set] = {}
    for record in listing.records:
        where.setdefault(record.original or record.id, set()).add(record.split)
    assert all(len(splits) == 1 for splits in where.values())
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        part = count(listing.of(split))
        assert part["real"] / 77 == pytest.approx(share, abs=0.03)
        assert part["fake"] / 323 == pytest.approx(share, abs=0.03)


def test_dfdc_nested_as_the_archives_are(tmp_path, names):
    for part, family in zip((0, 36, 41), families(names), strict=False):
        write_part(tmp_path / f"dfdc_train_part_{part:02d}" / f"dfdc_train_part_{part}", family)
    assert {r.split for r in dfdc(tmp_path)} == {"train", "val", "test"}


def test_dfdc_with_some_parts_only_gives_no_split(tmp_path, names):
    """Without validation parts, validation must not become the test set (fault 2)."""
    for part, family in zip((0, 1, 41), families(names), strict=False):
        write_part(tmp_path / f"dfdc_train_part_{part}", family)
    assert {r.split for r in dfdc(tmp_path)} == {None}


def test_dfdc_part_without_its_list_is_not_left_out_in_silence(tmp_path, names):
    first, second, *_ = families(names)
    write_part(tmp_path / "dfdc_train_part_0", first)
    touch(tmp_path / "dfdc_train_part_1", *second)
    with pytest.raises(DataError, match=r"dfdc_train_part_1 has no metadata\.json"):
        list(dfdc(tmp_path))


def test_dfdc_original_missing_on_disk_still_ties_its_fakes(tmp_path):
    fake = {"label": "FAKE", "split": "train", "original": "gone.mp4"}
    write_part(tmp_path, {"a.mp4": fake, "b.mp4": fake, "r.mp4": {"label": "REAL"}})
    found = {r.id: r for r in dfdc(tmp_path)}
    assert found["a.mp4"].original == found["b.mp4"].original == "gone.mp4"
    assert found["a.mp4"].group == found["b.mp4"].group
    assert found["r.mp4"].original is None
    assert [len(c) for c in clusters(list(found.values()))] == [2, 1]


def test_dfdc_windows_names_meet_their_originals(tmp_path):
    """Fault 9."""
    entries = {
        r"x\a.mp4": {"label": "REAL", "original": None},
        r"x\b.mp4": {"label": "FAKE", "original": r"x\a.mp4"},
    }
    (tmp_path / "metadata.json").write_text(json.dumps(entries))
    real, fake = dfdc(tmp_path)
    assert (real.id, fake.original, fake.group) == ("x/a.mp4", "x/a.mp4", real.group)
    assert "\\" not in str(real.path)


def test_dfdc_with_a_byte_order_mark(tmp_path):
    write_part(tmp_path, {"a.mp4": {"label": "REAL"}}, "utf-8-sig")
    assert [r.id for r in dfdc(tmp_path)] == ["a.mp4"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a.mp4": {"label": "FAKE"', "damaged"),
        ("", "damaged"),
        ("\x00\x01", "damaged"),
        ('["a.mp4"]', "must hold a table"),
        ("[" * 100_000, "damaged"),
        ('{"a.mp4": {"label": "REAL"}, "a.mp4": {"label": "FAKE"}}', "'a.mp4' stands twice"),
        ('{"a.mp4": "FAKE"}', "'a.mp4' has the label None"),
        ('{"a.mp4": {"label": "fake?"}}', r"'a.mp4' has the label 'fake\?'"),
        ('{"a.mp4": {"label": ["FAKE"]}}', "'a.mp4' has the label"),
        ('{"a.mp4": {}}', "label None"),
        ('{"../a.mp4": {"label": "REAL"}}', "not a path inside"),
        ('{"/etc/passwd": {"label": "REAL"}}', "not a path inside"),
        ('{"": {"label": "REAL"}}', "not a path inside"),
        ('{"a.mp4": {"label": "FAKE", "original": 3}}', "original that is no text"),
    ],
)
def test_dfdc_metadata_that_does_not_hold(tmp_path, text, says):
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        list(dfdc(tmp_path))
    assert "metadata.json" in str(caught.value)


def test_dfdc_metadata_that_is_no_text(tmp_path):
    (tmp_path / "metadata.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read: save it as UTF-8"):
        list(dfdc(tmp_path))


def test_dfdc_one_level_too_deep_or_another_layout(tmp_path):
    write_part(tmp_path / "dfdc" / "dfdc_train_part_0", {"a.mp4": {"label": "REAL"}})
    with pytest.raises(DataError, match=f"Did you mean {tmp_path / 'dfdc'}"):
        list(dfdc(tmp_path))
    write_part(tmp_path / "dfdc" / "dfdc_train_part_1", {"b.mp4": {"label": "FAKE"}})
    with pytest.raises(DataError, match=f"Did you mean {tmp_path / 'dfdc'}"):
        list(dfdc(tmp_path))
    assert len(list(dfdc(tmp_path / "dfdc"))) == 2
    touch(tmp_path / "other", "real/a.mp4", "fake/b.mp4")
    with pytest.raises(DataError, match="is not DFDC"):
        list(dfdc(tmp_path / "other"))


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
