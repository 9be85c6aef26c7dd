"""``dfbench data check`` at work: the command, several processes, and a healthy dataset that is not
accused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from checked import box, check, finding, found, spoil

from dfbench.catalogue.reporter import Reporter
from dfbench.data.duplicates import in_parallel
from dfbench.errors import ResourceError


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


def killed(_: Path) -> None:
    os._exit(9)


def test_a_process_that_is_killed_is_one_line():
    items = [(str(n), Path(f"{n}")) for n in range(2)]
    with pytest.raises(ResourceError, match=r"killed.*lower --workers"):
        list(in_parallel(killed, items, 2, 1, lambda _: None))


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
