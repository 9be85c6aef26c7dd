"""The leaderboard: who is ranked with whom, what is left out, and that no name does harm."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_runs import SAMPLE, add, make_spec, put, scores_of

from dfbench.cli import Commands
from dfbench.files import write_json
from dfbench.results.result import load_result
from dfbench.results.spec import IMPORTED, RunSpec
from dfbench_leaderboard.command import leaderboard_group
from dfbench_leaderboard.forms.render import as_csv
from dfbench_leaderboard.rows.board import Board, make_board
from dfbench_leaderboard.rows.sources import Sources


def order(board: Any) -> list[list[tuple[str, int | None, bool]]]:
    return [
        [(one.entry.spec.model.label, one.rank, one.tied) for one in ranked]
        for ranked in board.contests.values()
    ]


def board_of(*folders: Path, **asked: Any) -> Board:
    return make_board(Sources(folders), **asked)


def leaderboard(*asked: object) -> Result:
    cli = Commands("dfbench", commands=[leaderboard_group])
    return CliRunner().invoke(cli, ["leaderboard", *map(str, asked)], catch_exceptions=False)


def test_rank_follows_the_metrics_direction_and_marks_overlap(tmp_path: Path) -> None:
    add(tmp_path, make_spec("best"), 0.95)
    add(tmp_path, make_spec("near"), 0.94)
    add(tmp_path, make_spec("same"), 0.94)
    add(tmp_path, make_spec("far"), 0.40)
    add(tmp_path, make_spec("none"), None)
    assert order(board_of(tmp_path)) == [
        [
            ("best", 1, False),
            ("near", 2, True),
            ("same", 2, True),
            ("far", 4, False),
            ("none", None, False),
        ]
    ]
    by_error = order(board_of(tmp_path, metric="video/eer"))[0]
    assert [name for name, _, _ in by_error] == ["best", "near", "same", "far", "none"]


@pytest.mark.parametrize(
    "other",
    [
        make_spec("b", test=replace(SAMPLE, fingerprint="b" * 64)),
        make_spec("b", variant="jpeg=30"),
        make_spec("b", on_missing="exclude"),
        make_spec("b", train=None),
    ],
    ids=["other videos", "perturbed", "counted otherwise", "not trained here"],
)
def test_runs_that_differ_in_the_test_or_the_kind_are_not_ranked_together(
    tmp_path: Path, other: RunSpec
) -> None:
    add(tmp_path, make_spec("a"), 0.9)
    add(tmp_path, other, 0.8)
    assert sorted(order(board_of(tmp_path))) == [[("a", 1, False)], [("b", 1, False)]]


def test_imported_scores_stand_apart_and_are_not_called_trained_here(tmp_path: Path) -> None:
    foreign = make_spec("theirs", train=None)
    foreign = replace(foreign, model=replace(foreign.model, plugin=IMPORTED))
    add(tmp_path, make_spec("a"), 0.9)
    add(tmp_path, make_spec("b", train=None), 0.8)
    add(tmp_path, foreign, 0.7)
    board = board_of(tmp_path)
    kinds = {
        contest.kind: ranked[0].entry.spec.model.label for contest, ranked in board.contests.items()
    }
    assert kinds == {"trained here": "a", "weights as they are": "b", "imported scores": "theirs"}
    (line,) = [
        line for line in csv.DictReader(io.StringIO(as_csv(board))) if line["detector"] == "theirs"
    ]
    assert (line["trained_on"], line["initial_weights"]) == ("unknown", "unknown")


def test_a_decision_is_ranked_at_validations_threshold_and_a_method_by_its_name(
    tmp_path: Path,
) -> None:
    rows = scores_of(0.8)
    folder = put(tmp_path, make_spec("a"), rows, validation=scores_of(0.9))
    found = [
        next(board_of(tmp_path, metric=metric).rows())[1].value
        for metric in ("video/f1", "video/f1@0.5", "video/auc[warp]")
    ]
    stored = load_result(folder)
    keys = ("video/f1@val", "video/f1@0.5", "video/auc[warp]")
    wanted = [stored.metric(key).value for key in keys]
    assert [value and value.value for value in found] == wanted
    assert wanted[0] != wanted[1]


def test_what_is_left_out_is_listed_with_its_reason(tmp_path: Path) -> None:
    add(tmp_path, make_spec("good"))
    failed = add(tmp_path, make_spec("failed"), status="failed", error="the loss is nan")
    unfinished = add(tmp_path, make_spec("unfinished"))
    (unfinished / "result.json").unlink()
    newer, torn = add(tmp_path, make_spec("newer")), add(tmp_path, make_spec("torn"))
    data = json.loads((newer / "result.json").read_text())
    write_json(newer / "result.json", {**data, "schema": 99})
    (torn / "result.json").write_text("{")
    done = leaderboard("--runs", tmp_path, "--json")
    found = json.loads(done.stdout)
    assert [row["detector"] for row in found["rows"]] == ["good"]
    reasons = {entry["source"]: entry["reason"] for entry in found["left_out"]}
    assert reasons.keys() == {str(f) for f in (failed, unfinished, newer, torn)}
    assert reasons[str(failed)] == "failed: the loss is nan"
    assert "has not ended" in reasons[str(unfinished)]
    assert "schema 99" in reasons[str(newer)]
    assert "cannot be read" in reasons[str(torn)]
    table = leaderboard("--runs", tmp_path)
    assert table.stdout.count("\nleft out: ") == 2
    assert table.stdout.count("\nrejected: ") == 2
    as_csv = leaderboard("--runs", tmp_path, "--format", "csv")
    assert "left out" not in as_csv.stdout
    assert (as_csv.stderr.count("left out: "), as_csv.stderr.count("rejected: ")) == (2, 2)


def test_a_run_seen_twice_is_one_row_and_mlflows_copies_are_none(tmp_path: Path) -> None:
    spec = make_spec("a")
    old = add(tmp_path / "old", spec, 0.6)
    ended = {"ended": "2026-02-02T00:00:00+00:00"}
    new = add(tmp_path / "new", spec, 0.9, provenance=ended)
    add(tmp_path / "new/mlartifacts", spec, 0.1, provenance={"ended": "2027"})
    board = board_of(tmp_path, tmp_path / "new")
    assert [one.value and one.value.value for _, one in board.rows()] == [0.9]
    lost = [(out.source, out.reason) for out in board.left_out]
    differ = "which ended later and has other scores"
    assert lost == [(str(old), f"the same run as {new}, {differ}")]


def test_a_copy_that_differs_in_what_nobody_can_verify_is_said(tmp_path: Path) -> None:
    spec, ended = make_spec("a"), {"ended": "2026-02-02T00:00:00+00:00"}
    add(tmp_path / "one", spec, cost={"parameters": 5})
    add(tmp_path / "two", spec, cost={"parameters": 6}, notes=("mine",), provenance=ended)
    add(tmp_path / "three", spec, cost={"parameters": 6}, notes=("mine",), provenance=ended)
    reasons = [out.reason.partition(spec.run_id)[2] for out in board_of(tmp_path).left_out]
    assert sorted(reasons) == ["", ", which ended later and has other costs and notes"]


def test_a_run_whose_detector_is_not_here_is_left_out_and_not_called_wrong(tmp_path: Path) -> None:
    add(tmp_path, make_spec("elsewhere", aggregate="own"))
    (out,) = board_of(tmp_path).left_out
    assert not out.rejected
    assert out.reason.endswith("pip install deepfake-bench==0.1.0")


def test_seeds_of_one_model_are_one_row_and_its_interval_knows_of_them(tmp_path: Path) -> None:
    for seed, auc in ((0, 0.80), (1, 0.84)):
        add(tmp_path, make_spec("a", seed), auc)
    add(tmp_path, make_spec("other weights", train=None), 0.8)
    add(tmp_path, make_spec("other weights", 1, train=None), 0.8)
    board = board_of(tmp_path)
    first = next(board.rows())[1]
    assert (first.entry.seeds, first.value.value) == ((0, 1), pytest.approx(0.82))
    assert len(list(board.rows())) == 3  # weights as they are have no seed
    one = min(row.value("video/auc").low for row in first.entry.rows)
    # Two seeds 0.04 apart: a t interval of one degree of freedom is 12.7 * 0.02 wide.
    assert first.value.low < min(one, 0.82 - 12.7 * 0.02)
    far = [add(tmp_path, make_spec("far", seed), auc) for seed, auc in ((0, 0.1), (1, 0.9))]
    assert len(far) == 2
    (apart,) = [one for _, one in board_of(tmp_path).rows() if one.entry.spec.model.label == "far"]
    assert (apart.value.low, apart.value.high) == (0.0, 1.0)  # no AUC beyond, though t is 12.7
    (row,) = [
        r
        for r in json.loads(leaderboard("--runs", tmp_path, "--json").stdout)["rows"]
        if r["detector"] == "a"
    ]
    assert row["seeds"] == "0 1"


def test_a_quick_look_is_shown_and_marked(tmp_path: Path) -> None:
    add(tmp_path, make_spec("quick", test=replace(SAMPLE, limit=6)), notes=("6 videos a split",))
    table = leaderboard("--runs", tmp_path).stdout
    assert "limited" in table
    assert "(1) 6 videos a split" in table
    assert json.loads(leaderboard("--runs", tmp_path, "--json").stdout)["rows"][0]["limited"]


def test_names_do_no_harm_in_any_form(tmp_path: Path) -> None:
    names = ["<script>alert(1)</script>", "a|b`c`", "=cmd()", "+1", "@x", "\x1b[2Jesc", "re\nturn"]
    for name in names:
        add(tmp_path, make_spec(name), notes=("=note",))
    forms = {
        f: leaderboard("--runs", tmp_path, "--format", f).stdout
        for f in ("csv", "markdown", "table")
    }
    assert not any("\x1b" in form for form in forms.values())
    rows = list(csv.DictReader(io.StringIO(forms["csv"])))
    cells = {row["detector"] for row in rows}
    assert cells == {names[0], names[1], "'=cmd()", "'+1", "'@x", "\ufffd[2Jesc", "re\ufffdturn"}
    assert {row["notes"] for row in rows} == {"'=note"}
    lines = [line for line in forms["markdown"].splitlines() if line.startswith("|")]
    assert len(lines) == len(names) + 2
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "<script" not in forms["markdown"]
    assert "&lt;script&gt;" in forms["markdown"]


def test_csv_reads_back_with_all_digits(tmp_path: Path) -> None:
    folder = add(tmp_path, make_spec("a"), 1 / 3)
    stored = load_result(folder)
    row = next(
        csv.DictReader(io.StringIO(leaderboard("--runs", tmp_path, "--format", "csv").stdout))
    )
    for key in ("video/auc", "video/log_loss"):
        assert float(row[key]) == stored.metric(key).value
    assert row["video/average_precision"] == ""
    assert (row["runs"], row["kind"]) == (folder.name, "trained here")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--metric", "video/acu"], "Did you mean video/auc"),
        (["--metric", "video/auc[wrap]"], "Did you mean video/auc[warp]"),
        (["--metric", "auc"], "or video/auc or"),
        (["--metric", "zzzzzz"], "There are: clip/f1, clip/auc,"),
        (["--test", "sampel"], "Did you mean sample"),
        (["--runs", "nowhere"], "nowhere is no folder"),
    ],
)
def test_a_wrong_name_is_one_line_and_exit_1(tmp_path: Path, asked: list[str], told: str) -> None:
    add(tmp_path, make_spec("a"))
    done = leaderboard("--runs", tmp_path, *asked)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_runs_it_looks_where_run_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("runs", "named", "set"):
        add(tmp_path / place, make_spec(place))
    cli = Commands("dfbench", commands=[leaderboard_group])

    def first(**settings: Any) -> str:
        done = CliRunner().invoke(cli, ["leaderboard", "--json"], **settings)
        return str(json.loads(done.stdout)["rows"][0]["detector"])

    assert first() == "runs"
    assert first(default_map={"run": {"out": "named"}}) == "named"
    assert first(default_map={"run": {"out": "named"}}, env={"DFBENCH_OUT": "set"}) == "set"


def test_the_table_fits_and_says_what_it_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for detector in ("mesoinception4", "r3d101"):
        spec = make_spec(detector)
        long = replace(spec.model, weights="a-long-name-of-a-file-of-weights.pth")
        folder = add(tmp_path, replace(spec, model=long))
    wide = leaderboard("--runs", tmp_path).stdout
    assert max(map(len, wide.splitlines()[:5])) <= 160
    for part in ("mesoinception4", "0.800 [", "28.0 k", "100.0%", folder.name):
        assert part in wide
    monkeypatch.setattr("dfbench_leaderboard.forms.terminal.PIPE_WIDTH", 80)
    narrow = leaderboard("--runs", tmp_path).stdout
    assert max(map(len, narrow.splitlines()[:5])) <= 80
    assert "0.800 [" in narrow
    assert "No room for" in narrow


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys, click, dfbench_leaderboard as m; cli = click.Group(); m.dfbench_commands(cli);"
        "heavy = {'torch', 'rich', 'pandas', 'numpy', 'mlflow'};"
        "print(sorted(heavy & set(sys.modules)));"
        f"cli(['leaderboard', '--runs', {str(tmp_path)!r}], standalone_mode=False);"
        "print(sorted(heavy & set(sys.modules)))"
    )
    add(tmp_path, make_spec("a"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "[]"
    assert lines[-1] == "['numpy', 'rich']"


def test_links_to_runs_are_followed_and_loops_end(tmp_path: Path) -> None:
    add(tmp_path / "disk", make_spec("a"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "linked").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "loop").symlink_to(tmp_path / "runs")
    board = board_of(tmp_path / "runs", tmp_path / "disk")
    assert [one.entry.spec.model.label for _, one in board.rows()] == ["a"]
    assert board.left_out == []


def test_a_folder_that_cannot_be_read_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, make_spec("a"))
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def closed(path: str) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    (out,) = board_of(tmp_path).left_out
    assert (out.source, out.reason) == (
        str(tmp_path / "closed"),
        "cannot be read: Permission denied",
    )
