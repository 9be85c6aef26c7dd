"""The leaderboard: who is ranked with whom, what is left out, and that no name does harm."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dfbench.cards import ClipSpec
from dfbench.cli import Commands
from dfbench.result import MetricValue, RunResult, write_json, write_result
from dfbench.spec import IMPORTED, DataSpec, ModelSpec, RunSpec, TrainSpec
from dfbench_leaderboard.board import make_board
from dfbench_leaderboard.command import leaderboard_group
from dfbench_leaderboard.render import as_csv

SAMPLE = DataSpec(dataset="sample", fingerprint="a" * 64, videos=90, faces="given",
                  faces_version="1")  # fmt: skip
TRAIN = TrainSpec(
    data=SAMPLE, seed=0, epochs=1, batch_size=8, lr=1e-3, weight_decay=0.0, schedule="constant",
    clips_per_video=0, patience=1, balance=True, fine_tune="all", augment="study",
)  # fmt: skip


def make_spec(
    detector: str, seed: int = 0, train: TrainSpec | None = TRAIN, **changes: Any
) -> RunSpec:
    model = ModelSpec(
        detector=detector, plugin="deepfake-bench", plugin_version="0.1.0", weights=None,
        weights_sha256=None, clip=ClipSpec(), reader="decord 0.6", precision="32-true", train=train,
    )  # fmt: skip
    return RunSpec(**{"model": model, "test": SAMPLE, "seed": seed, **changes})


def add(out: Path, spec: RunSpec, auc: float | None = 0.8, *, half: float = 0.01,
        **changes: Any) -> Path:  # fmt: skip
    """A run on disk whose AUC is ``auc`` ± ``half`` and whose EER is 1 - ``auc``."""
    low, high = (None, None) if auc is None else (auc - half, auc + half)
    counts: dict[str, Any] = {"n_real": 30, "n_fake": 60}
    metrics = (
        MetricValue(name="video/auc", value=auc, low=low, high=high, **counts,
                    reason="only fake videos" if auc is None else None),
        MetricValue(name="video/auc", subset="warp", value=0.5, **counts),
        MetricValue(name="video/eer", value=None if auc is None else 1 - auc, **counts),
        MetricValue(name="video/f1", rule="0.5", value=0.1),
        MetricValue(name="video/f1", rule="val", value=0.7),
        MetricValue(name="video/log_loss", value=0.6931471805599453),
    )  # fmt: skip
    about: dict[str, Any] = {
        "status": "finished", "metrics": metrics, "coverage": 1.0,
        "cost": {"parameters": 27977, "videos_per_second": 12.5},
        "provenance": {"ended": "2026-01-01T00:00:00+00:00"}, **changes,
    }  # fmt: skip
    folder = spec.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "spec.json", spec.to_json())
    write_result(RunResult(spec=spec, **about), folder)
    return folder


def order(board: Any) -> list[list[tuple[str, int | None, bool]]]:
    return [
        [(one.row.spec.model.label, one.rank, one.tied) for one in ranked]
        for ranked in board.contests.values()
    ]


def leaderboard(*asked: object) -> Result:
    cli = Commands("dfbench", commands=[leaderboard_group])
    return CliRunner().invoke(cli, ["leaderboard", *map(str, asked)], catch_exceptions=False)


def test_rank_follows_the_metrics_direction_and_marks_overlap(tmp_path: Path) -> None:
    add(tmp_path, make_spec("best"), 0.95)
    add(tmp_path, make_spec("near"), 0.94)
    add(tmp_path, make_spec("same"), 0.94, half=0.0001)
    add(tmp_path, make_spec("far"), 0.70)
    add(tmp_path, make_spec("none"), None)
    assert order(make_board([tmp_path])) == [
        [("best", 1, False), ("near", 2, True), ("same", 2, True), ("far", 4, False),
         ("none", None, False)],
    ]  # fmt: skip
    by_error = order(make_board([tmp_path], "video/eer"))[0]
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
    assert sorted(order(make_board([tmp_path]))) == [[("a", 1, False)], [("b", 1, False)]]


def test_imported_scores_stand_apart_and_are_not_called_trained_here(tmp_path: Path) -> None:
    foreign = make_spec("theirs", train=None)
    foreign = replace(foreign, model=replace(foreign.model, plugin=IMPORTED))
    add(tmp_path, make_spec("a"), 0.9)
    add(tmp_path, make_spec("b", train=None), 0.8)
    add(tmp_path, foreign, 0.7)
    board = make_board([tmp_path])
    kinds = {contest.kind: ranked[0].row.spec.model.label
             for contest, ranked in board.contests.items()}  # fmt: skip
    assert kinds == {"trained here": "a", "weights as they are": "b", "imported scores": "theirs"}
    (line,) = [line for line in csv.DictReader(io.StringIO(as_csv(board)))
               if line["detector"] == "theirs"]  # fmt: skip
    assert (line["trained_on"], line["initial_weights"]) == ("unknown", "unknown")


def test_a_decision_is_ranked_at_validations_threshold_and_a_method_by_its_name(
    tmp_path: Path,
) -> None:
    add(tmp_path, make_spec("a"))
    found = [
        next(make_board([tmp_path], metric).rows())[1].value
        for metric in ("video/f1", "video/f1@0.5", "video/auc[warp]")
    ]
    assert [value and value.value for value in found] == [0.7, 0.1, 0.5]


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
    reasons = {entry["folder"]: entry["reason"] for entry in found["left_out"]}
    assert reasons.keys() == {str(f) for f in (failed, unfinished, newer, torn)}
    assert reasons[str(failed)] == "failed: the loss is nan"
    assert "has not ended" in reasons[str(unfinished)]
    assert "schema 99" in reasons[str(newer)]
    assert "cannot be read" in reasons[str(torn)]
    table = leaderboard("--runs", tmp_path)
    assert table.stdout.count("left out: ") == 4
    as_csv = leaderboard("--runs", tmp_path, "--format", "csv")
    assert "left out" not in as_csv.stdout
    assert as_csv.stderr.count("left out: ") == 4


def test_a_run_seen_twice_is_one_row_and_mlflows_copies_are_none(tmp_path: Path) -> None:
    spec = make_spec("a")
    old = add(tmp_path / "old", spec, 0.6)
    ended = {"ended": "2026-02-02T00:00:00+00:00"}
    new = add(tmp_path / "new", spec, 0.9, provenance=ended)
    add(tmp_path / "new/mlartifacts", spec, 0.1, provenance={"ended": "2027"})
    board = make_board([tmp_path, tmp_path / "new"])
    assert [one.value and one.value.value for _, one in board.rows()] == [0.9]
    assert [(out.folder, out.reason) for out in board.left_out] == [(old, f"the same run as {new}")]


def test_a_quick_look_is_shown_and_marked(tmp_path: Path) -> None:
    add(tmp_path, make_spec("quick", test=replace(SAMPLE, limit=6)), notes=("6 videos a split",))
    table = leaderboard("--runs", tmp_path).stdout
    assert "limited (1)" in table
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
    row = next(
        csv.DictReader(io.StringIO(leaderboard("--runs", tmp_path, "--format", "csv").stdout))
    )
    assert float(row["video/auc"]) == 1 / 3
    assert float(row["video/log_loss"]) == 0.6931471805599453
    assert row["video/accuracy"] == ""
    assert (row["run_id"], row["kind"]) == (folder.name, "trained here")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--metric", "video/acu"], "Did you mean video/auc"),
        (["--metric", "video/auc[wrap]"], "Did you mean video/auc[warp]"),
        (["--metric", "auc"], "There are:"),
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
    for part in ("mesoinception4", "0.800 [0.790, 0.810]", "28.0 k", "100.0%", folder.name):
        assert part in wide
    monkeypatch.setattr("dfbench_leaderboard.terminal.PIPE_WIDTH", 80)
    narrow = leaderboard("--runs", tmp_path).stdout
    assert max(map(len, narrow.splitlines()[:5])) <= 80
    assert "0.800 [0.790, 0.810]" in narrow
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
    assert lines[-1] == "['rich']"
