"""The folder dataset: real and fake by folders, or by a list as spreadsheets write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from listed_files import touch, write_csv

from dfbench.errors import DataError
from dfbench_folder.records import records as folder


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
