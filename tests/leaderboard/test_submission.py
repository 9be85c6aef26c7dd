"""Submissions: made fit to be given away, read as if an enemy had made them."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_runs import add, make_spec, put, scores_of
from repository import ROOT

from dfbench.cli import Commands
from dfbench.errors import ResultError
from dfbench.evaluate.stored import StoredRun
from dfbench.files import write_json
from dfbench.results.result import load_result
from dfbench_leaderboard.command import leaderboard_group
from dfbench_leaderboard.rows import zipped
from dfbench_leaderboard.rows.board import make_board
from dfbench_leaderboard.rows.sources import Sources
from dfbench_leaderboard.rows.submitted import unpack
from dfbench_leaderboard.submissions.submit import Note, submit

SECRET = "/home/someone/secret"


def leaderboard(*asked: object) -> Result:
    cli = Commands("dfbench", commands=[leaderboard_group])
    return CliRunner().invoke(cli, ["leaderboard", *map(str, asked)], catch_exceptions=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    folder = put(
        tmp_path_factory.mktemp("runs"),
        make_spec("meso4"),
        scores_of(0.8),
        scores_of(0.9),
        environment={"python": "3.11", "versions": {"torch": "2"}},
        provenance={
            "ended": "2026-01-01T00:00:00+00:00",
            "data_roots": {"sample": SECRET},
            "command": ["dfbench", "run", "--out", SECRET, f"--cache={SECRET}/x"],
        },
    )
    (folder / "mistakes.jpg").write_bytes(b"a face")
    return StoredRun(folder, load_result(folder))


@pytest.fixture
def file(run: StoredRun, tmp_path: Path) -> Path:
    submit(run, tmp_path / "a.zip", Note(contact="me@example.org"))
    return tmp_path / "a.zip"


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def remake(file: Path, change: Callable[[dict[str, bytes]], None], *, honest: bool) -> None:
    """The submission with its members changed; ``honest``: with digests that fit them."""
    found = members(file)
    change(found)
    if honest:
        about = json.loads(found["submission.json"])
        about["files"] = {
            name: {"sha256": zipped.digest(data), "bytes": len(data)}
            for name, data in found.items()
            if name != "submission.json"
        }
        found["submission.json"] = json.dumps(about).encode()
    zipped.write(file, found)


def test_a_submission_holds_and_is_collected(file: Path, run: StoredRun) -> None:
    done = leaderboard("verify", file)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"verified: {file}: meso4 on sample, trained on sample, seed 0")
    board = make_board(Sources((file.parent,)))
    (one,) = [ranked.entry.first for _, ranked in board.rows()]
    assert (one.spec, one.source) == (run.result.spec, str(file))


def test_it_names_no_folder_of_the_machine_and_holds_no_picture(file: Path) -> None:
    found = members(file)
    assert set(found) == {
        "submission.json",
        "spec.json",
        "result.json",
        "predictions.csv",
        "validation.csv",
        "videos.csv",
    }
    assert not [name for name, data in found.items() if SECRET.encode() in data]
    about = json.loads(found["submission.json"])
    assert about["contact"] == "me@example.org"
    assert about["licence"].startswith("CC-BY-4.0")
    assert about["install"] == "deepfake-bench==0.1.0"


def test_the_same_run_gives_the_same_bytes(file: Path, run: StoredRun, tmp_path: Path) -> None:
    submit(run, tmp_path / "b.zip", Note(contact="me@example.org"))
    assert (tmp_path / "b.zip").read_bytes() == file.read_bytes()


def test_a_file_is_not_written_over_without_force(file: Path, run: StoredRun) -> None:
    before = file.read_bytes()
    refused = leaderboard("submit", run.folder, "--out", file)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
    assert "--force" in refused.stderr
    assert file.read_bytes() == before
    done = leaderboard("submit", run.folder, "--out", file, "--force", "--licence", "CC0", "--json")
    assert json.loads(done.stdout)["licence"] == "CC0"


def test_runs_that_failed_or_do_not_hold_are_refused(tmp_path: Path) -> None:
    failed = add(tmp_path, make_spec("failed"), status="failed", error="out of memory")
    changed = add(tmp_path, make_spec("changed"), coverage=0.5)
    for folder, told in ((failed, "out of memory"), (changed, "does not hold: coverage is 1")):
        refused = leaderboard("submit", folder, "--out", tmp_path / "x.zip")
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
        assert told in refused.stderr
    assert not (tmp_path / "x.zip").exists()


def edit_metric(found: dict[str, bytes]) -> None:
    result = json.loads(found["result.json"])
    next(m for m in result["metrics"] if m["name"] == "video/auc")["value"] = 0.99
    found["result.json"] = json.dumps(result).encode()


def edit_rows(change: Callable[[list[str]], list[str]]) -> Callable[[dict[str, bytes]], None]:
    def edit(found: dict[str, bytes]) -> None:
        lines = found["predictions.csv"].decode().splitlines()
        found["predictions.csv"] = "\n".join([*change(lines), ""]).encode()

    return edit


def edit_about(found: dict[str, bytes]) -> None:
    about = json.loads(found["submission.json"])
    found["submission.json"] = json.dumps({**about, "detector": "better"}).encode()


TAMPERED: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a metric": (edit_metric, "video/auc is 0.8, not 0.99"),
    "a label turned": (
        edit_rows(lambda rows: [rows[0], rows[1].replace(",0,0,0,", ",0,0,1,"), *rows[2:]]),
        "19 real videos",
    ),
    "a video removed": (edit_rows(lambda rows: [rows[0], *rows[2:]]), "has no scores: real/0"),
    "a row twice": (edit_rows(lambda rows: [*rows, rows[1]]), "a clip stands twice: 0 of real/0"),
    "another name": (edit_about, "says detector 'better', the run 'meso4'"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_is_rejected_with_the_reason(file: Path, what: str) -> None:
    change, told = TAMPERED[what]
    remake(file, change, honest=True)
    done = leaderboard("verify", file)
    assert done.exit_code == 1
    assert done.stdout.startswith(f"rejected: {file}: ")
    assert told in done.stdout
    said = json.loads(leaderboard("verify", file, "--json").stdout)["files"]
    assert told in " ".join(said[0]["faults"])


def test_a_digest_that_does_not_fit_is_found_before_anything_is_unpacked(
    file: Path, tmp_path: Path
) -> None:
    remake(file, edit_metric, honest=False)
    with pytest.raises(ResultError, match=r"result\.json is not what submission\.json says"):
        unpack(file, tmp_path / "there")
    assert not (tmp_path / "there").exists()
    (out,) = make_board(Sources((tmp_path,))).left_out
    assert (out.source, out.rejected) == (str(file), True)


def add_member(
    name: str, data: bytes = b"x", mode: int = 0o100644, packed: int = zipfile.ZIP_DEFLATED
) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with zipfile.ZipFile(file, "a") as archive:
            about = zipfile.ZipInfo(name)
            about.external_attr = mode << 16
            about.compress_type = packed
            archive.writestr(about, data)

    return change


def lie_about_the_size(file: Path) -> None:
    """A member of 30 MB that says it has 10 bytes, in both places where a ZIP says it."""
    found = {**members(file), "confidence.csv": b"0" * 30_000_000}
    zipped.write(file, found)
    data = file.read_bytes().replace((30_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    file.write_bytes(data)


def tear(file: Path) -> None:
    """The packed bytes of the first member are not those of any text."""
    data = bytearray(file.read_bytes())
    data[45:65] = b"\xff" * 20
    file.write_bytes(data)


HOSTILE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "out of the folder": (add_member("../evil.txt"), "it holds '../evil.txt'"),
    "absolute": (add_member("/etc/evil"), "it holds '/etc/evil'"),
    "another file": (add_member("model.safetensors"), "it holds 'model.safetensors'"),
    "a link": (add_member("confidence.csv", b"/etc/passwd", 0o120777), "is no plain file"),
    "a bomb": (add_member("confidence.csv", b"0" * 30_000_000), "unpacks to more than it may"),
    "a bomb that lies": (lie_about_the_size, "confidence.csv"),
    "torn inside": (tear, "cannot be read as a ZIP"),
    "packed otherwise": (
        add_member("confidence.csv", packed=zipfile.ZIP_LZMA),
        "in another way than deflate",
    ),
    "a file twice": (add_member("spec.json", b"{}"), "holds a file twice"),
    "cut short": (lambda f: f.write_bytes(f.read_bytes()[:-100]), "cannot be read as a ZIP"),
    "no ZIP": (lambda f: f.write_text("hello"), "cannot be read as a ZIP"),
    "an empty ZIP": (lambda f: zipfile.ZipFile(f, "w").close(), "it lacks submission.json"),
    "a password": (
        lambda f: f.write_bytes(
            f.read_bytes().replace(
                b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0"
            )
        ),
        "has a password",
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_file_is_one_line_and_leaves_nothing(
    file: Path, how: str, tmp_path: Path
) -> None:
    change, told = HOSTILE[how]
    change(file)
    done = leaderboard("verify", file)
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
    assert told in done.stdout
    with pytest.raises(ResultError):
        unpack(file, tmp_path / "there")
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


def test_a_pipe_and_a_large_file_are_not_read(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(ResultError, match="is no file"):
        unpack(tmp_path / "pipe.zip", tmp_path / "there")
    monkeypatch.setattr(zipped, "MOST_BYTES", 100)
    with pytest.raises(ResultError, match="has more than"):
        unpack(file, tmp_path / "there")


@pytest.mark.parametrize(
    "odd",
    [
        {"files": [[1, {"sha256": "x"}]]},
        {"files": 5},
        {"schema": "1"},
        {"schema": -1},
        {"run_id": "../../x"},
        {"files": {"\x1b[2J": {"sha256": "1"}}},
    ],
    ids=["pairs", "a number", "text", "no schema", "a path", "an escape"],
)
def test_a_note_of_odd_types_is_one_line(file: Path, odd: dict[str, Any]) -> None:
    found = members(file)
    about = json.loads(found["submission.json"])
    found["submission.json"] = json.dumps({**about, **odd}).encode()
    zipped.write(file, found)
    done = leaderboard("verify", file)
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
    assert "\x1b" not in done.stdout


def test_a_result_of_odd_types_does_not_end_the_job(file: Path, tmp_path: Path) -> None:
    good = file.read_bytes()

    def odd(found: dict[str, bytes]) -> None:
        found["result.json"] = json.dumps(
            {**json.loads(found["result.json"]), "counts": 5}
        ).encode()

    remake(file, odd, honest=True)
    (tmp_path / "good.zip").write_bytes(good)
    done = leaderboard("verify", file, tmp_path / "good.zip")
    assert done.exit_code == 1
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["rejected", "verified"]


def test_unpacking_twice_is_unpacking_once(file: Path, tmp_path: Path) -> None:
    first = unpack(file, tmp_path / "there")
    (first / "result.json").touch()
    before = (first / "result.json").stat().st_mtime_ns
    assert unpack(file, tmp_path / "there") == first
    assert (first / "result.json").stat().st_mtime_ns == before
    assert len(list((tmp_path / "there").iterdir())) == 1
    assert leaderboard("verify", first).exit_code == 0  # as a folder, too


def test_an_unpacked_submission_is_checked_as_the_file_is(file: Path, tmp_path: Path) -> None:
    folder = unpack(file, tmp_path / "there")
    data = json.loads((folder / "result.json").read_text())
    write_json(folder / "result.json", {**data, "coverage": 0.1})
    assert "result.json is not what submission.json says" in leaderboard("verify", folder).stdout


def test_the_commands_of_the_example_workflow_exist() -> None:
    workflow = ROOT / "docs" / "submissions-workflow.yml"
    text = workflow.read_text("utf-8")
    assert "dfbench leaderboard verify submissions/*.zip" in text
    assert "dfbench leaderboard build --runs submissions --out site" in text
    assert "\t" not in text
    steps = text.partition("- name: The site")[2]
    assert steps.split()[:4] == ["if:", "github.ref", "==", "'refs/heads/main'"]
    for command in ("verify", "build"):
        assert leaderboard(command, "--help").exit_code == 0
