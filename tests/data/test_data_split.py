"""``dfbench data split`` and ``--split-file``: a split of one's own, made and used."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from data_commands import prepared, read, usage
from one_line import error

from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.listing import read_dataset

# --- data split -----------------------------------------------------------------------------


def test_a_split_is_grouped_and_stratified(command, videos, tmp_path):
    """Fault 2: an original and its fakes are on one side."""
    out = tmp_path / "new" / "split.csv"
    done = command("data", "split", "folder", "--data-root", videos, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(out)
    assert "splits disjoint by 90 videos" in done.stderr
    rows = read(out)
    assert list(rows[0]) == ["id", "split", "label", "method"]
    assert len({row["id"] for row in rows}) == len(rows) == 90
    home: dict[str, set[str]] = {}
    for row in rows:
        home.setdefault(row["id"].rpartition("/")[2], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in home.values())
    kinds = Counter((row["split"], row["label"], row["method"]) for row in rows)
    for label, method in (("real", ""), ("fake", "a"), ("fake", "b")):
        assert kinds["train", label, method] == pytest.approx(21, abs=1)
        assert kinds["val", label, method] == pytest.approx(4.5, abs=1)
        assert kinds["test", label, method] == pytest.approx(4.5, abs=1)


def test_a_split_is_seeded(command, videos, tmp_path):
    texts = []
    for n, seed in enumerate((0, 0, 1)):
        out = tmp_path / f"{n}.csv"
        asked = ("data", "split", "folder", "--data-root", videos, "--out", out, "--seed", seed)
        assert command(*asked).exit_code == 0
        texts.append(out.read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_the_shares_can_be_chosen(command, videos, tmp_path):
    asked = ("data", "split", "folder", "--data-root", videos, "--out", tmp_path / "s.csv")
    done = command(*asked, "--val", 0.2, "--test", 0.5, "--json")
    found = json.loads(done.stdout)
    assert found["file"] == str(tmp_path / "s.csv")
    assert found["left_out"] == 0
    for split, share in (("train", 0.3), ("val", 0.2), ("test", 0.5)):
        assert found["splits"][split]["real"] == pytest.approx(30 * share, abs=1)
        assert found["splits"][split]["fake"] == pytest.approx(60 * share, abs=2)
    assert "nothing to train on" in usage(command(*asked, "--val", 0.5, "--test", 0.5))
    for wrong in (0, 1, -1, "much"):
        assert "--val" in usage(command(*asked, "--val", wrong))
    assert "--out" in usage(command(*asked[:-2]))


def test_a_split_without_a_class_is_told(command, tmp_path):
    (tmp_path / "list.csv").write_text("path,label\na.mp4,real\nb.mp4,fake\n")
    asked = ("data", "split", "folder", "--data-root", tmp_path, "--out", tmp_path / "s.csv")
    done = command(*asked, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["splits"]["train"]["videos"] == 2
    assert "warning: val has 0 real and 0 fake videos, and a run needs both" in done.stderr
    assert "warning: train" not in done.stderr


@pytest.mark.parametrize("odd", ["u\u2028x", "n\x85x", "f\x1cx", 'q"x', "c, x"])
def test_a_split_file_takes_every_name_that_a_split_writes(command, tmp_path, odd):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / f"{odd}.mp4").touch()
    out = tmp_path / "s.csv"
    command("data", "split", "folder", "--data-root", tmp_path, "--out", out)
    out.write_text(out.read_text("utf-8") + " \n,,,\n", "utf-8")  # as spreadsheets leave them
    listing = read_dataset(
        "folder", open_catalogue(), {"folder": tmp_path}, tmp_path, split_file=out
    )
    assert [r.id for r in listing.records] == [f"real/{odd}.mp4"]


def test_variables_that_are_meant_for_runs_do_not_reach_a_split(command, videos, tmp_path):
    asked = ("data", "split", "folder", "--data-root", videos)
    env = {"DFBENCH_TEST": "celebdf", "DFBENCH_OUT": str(tmp_path / "runs")}
    assert "--out" in usage(command(*asked, **env))
    assert not (tmp_path / "runs").exists()
    done = command(*asked, **env, DFBENCH_SPLIT_OUT=str(tmp_path / "s.csv"))
    assert done.exit_code == 0, done.stderr


def test_a_name_that_a_terminal_obeys_is_spelled_out(command, tmp_path):
    (tmp_path / "list.csv").write_text("path,label\nx\x1b[31m.mp4,real\n")
    asked = ("--data-root", tmp_path, "--faces", "center", "--cache", tmp_path / "cache")
    done = command("prepare", "folder", *asked, "--workers", 1)
    assert done.exit_code == 0, done.stderr
    assert r"first missing: x\x1b[31m.mp4 " in done.stdout


def test_two_folders_without_a_name_say_what_to_do(command, tmp_path):
    asked = ("data", "check", "folder", "--data-root", tmp_path / "a", "--data-root", tmp_path)
    assert "say which is whose, NAME=" in usage(command(*asked))


def test_a_split_that_cannot_be_written_is_one_line(command, videos, tmp_path):
    (tmp_path / "file").write_text("")
    asked = ("data", "split", "folder", "--data-root", videos, "--out", tmp_path / "file" / "s.csv")
    assert "cannot be written" in error(command(*asked))
    assert (tmp_path / "file").read_text() == ""


def test_an_official_split_is_not_touched_by_making_another(command, ffpp, tmp_path):
    before = read_dataset("ffpp", open_catalogue(), {"ffpp": ffpp}, tmp_path)
    assert before.own_split
    done = command("data", "split", "ffpp", "--data-root", ffpp, "--out", tmp_path / "s.csv")
    assert done.exit_code == 0, done.stderr
    after = read_dataset("ffpp", open_catalogue(), {"ffpp": ffpp}, tmp_path)
    assert after.records == before.records
    mine = read_dataset(
        "ffpp", open_catalogue(), {"ffpp": ffpp}, tmp_path, split_file=tmp_path / "s.csv"
    )
    assert {r.id: r.split for r in mine.records} == {
        row["id"]: row["split"] for row in read(tmp_path / "s.csv")
    }


def test_a_split_of_one_s_own_goes_round(command, videos, tmp_path):
    out = tmp_path / "s.csv"
    command("data", "split", "folder", "--data-root", videos, "--out", out, "--seed", 5)
    listing = read_dataset("folder", open_catalogue(), {"folder": videos}, tmp_path, split_file=out)
    assert listing.own_split
    assert {r.id: r.split for r in listing.records} == {
        row["id"]: row["split"] for row in read(out)
    }
    other = read_dataset("folder", open_catalogue(), {"folder": videos}, tmp_path)
    assert [r.split for r in other.records] != [r.split for r in listing.records]


def test_videos_that_the_file_does_not_list_are_left_out_and_said_so(command, videos, tmp_path):
    file = tmp_path / "few.csv"
    file.write_text("ID, Split\nreal/1.mp4,train\nreal\\2.mp4, val\n\nfake/a/3.mp4,test\n")
    for spelling in (file, f"folder={file}"):
        done = prepared(command, videos, "--split-file", spelling)
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["videos"] == 3
        assert "87 of 90 videos are left out: not in few.csv" in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,split\nreal/1.mp4,train\nreal/99.mp4,test\n", "line 3.*no video 'real/99.mp4'"),
        ("id,split\nreal/1.mp4,train\nreal/1.mp4,test\n", "line 3.*listed twice"),
        ("id,split\nreal/1.mp4,train\nreal\\1.mp4,train\n", "line 3.*listed twice"),
        ("id,split\nreal/1.mp4,holdout\n", "line 2.*'holdout' is none of train, val, test"),
        ("id,split\nreal/1.mp4\n", "line 2.*lacking"),
        ("name,fold\nreal/1.mp4,train\n", "first line must name a column id"),
        ("id,split\n", "lists no videos"),
        ("", "first line must name"),
        (b"id,split\n\xff\xfe,train\n", "cannot be read"),
        (None, "does not exist"),
    ],
)
def test_a_split_file_that_does_not_hold(command, videos, tmp_path, text, says):
    file = tmp_path / "s.csv"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    line = error(prepared(command, videos, "--split-file", file))
    assert "s.csv" in line
    assert re.search(says, line), line


LEAKS = {
    "an original and its fake": ("real/1.mp4", "fake/a/1.mp4"),
    "two fakes of one original": ("fake/a/1.mp4", "fake/b/1.mp4"),
}


@pytest.mark.parametrize("pair", LEAKS)
@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_a_split_that_leaks_stops_with_the_pair_named(command, videos, tmp_path, pair, verb):
    """Fault 2: one original's fakes in two splits."""
    out = tmp_path / "s.csv"
    command("data", "split", "folder", "--data-root", videos, "--out", out)
    one, other = LEAKS[pair]
    rows = {row["id"]: row["split"] for row in read(out)}
    family = [name for name in rows if name.endswith("/1.mp4")]
    rows.update(dict.fromkeys(family, "train"))
    rows[other] = "test"
    if pair == "two fakes of one original":
        del rows["real/1.mp4"]
    out.write_text("id,split\n" + "".join(f"{name},{split}\n" for name, split in rows.items()))
    common = ("--data-root", videos, "--faces", "center", "--split-file", out)
    if verb == "run":
        done = command(
            "run", "--detector", "meso4", "--dataset", "folder", *common, "--out", tmp_path / "runs"
        )
    else:
        done = command("prepare", "folder", *common)
    line = error(done)
    assert f"{one} (train)" in line
    assert f"{other} (test)" in line
    assert "share the original 'real/1.mp4'" in line
    assert not (tmp_path / "runs").exists()


def test_a_declared_overlap_does_not_excuse_a_split_of_one_s_own(command, ffpp, tmp_path):
    out = tmp_path / "s.csv"
    command("data", "split", "ffpp", "--data-root", ffpp, "--out", out)
    rows = read(out)
    fake = next(row for row in rows if row["label"] == "fake")
    fake["split"] = "test" if fake["split"] != "test" else "train"
    out.write_text("id,split\n" + "".join(f"{r['id']},{r['split']}\n" for r in rows))
    done = command("prepare", "ffpp", "--data-root", ffpp, "--faces", "center", "--split-file", out)
    assert fake["id"] in error(done)


def test_a_split_file_belongs_to_one_dataset(command, tmp_path):
    file = tmp_path / "s.csv"
    asked = (
        "run",
        "--detector",
        "meso4",
        "--train",
        "folder",
        "--test",
        "ffpp",
        "--out",
        tmp_path / "runs",
    )
    assert "which dataset it belongs to" in error(command(*asked, "--split-file", file))
    assert "no dataset of this run" in error(command(*asked, "--split-file", f"dfdc={file}"))
    twice = ("--split-file", f"folder={file}", "--split-file", f"folder={file}")
    assert "given twice" in usage(command(*asked, *twice))
