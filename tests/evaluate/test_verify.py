"""A result that does not follow from its scores, or scores of other videos, are found out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_runs import add, make_spec, put, scores_of
from repository import DATA

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.errors import ResultError
from dfbench.evaluate.stored import StoredRun
from dfbench.evaluate.verification import verify
from dfbench.files import write_json
from dfbench.results.predictions import read_predictions, rewrite
from dfbench.results.result import load_result
from dfbench_leaderboard.forms.latex import as_latex
from dfbench_leaderboard.forms.render import as_csv, as_json, as_markdown
from dfbench_leaderboard.rows.board import make_board
from dfbench_leaderboard.rows.sources import Sources

OLD = sorted(DATA.glob("schema-*"))


def faults(folder: Path, **how: Any) -> list[str]:
    return verify(StoredRun(folder, load_result(folder)), open_catalogue().metrics(), **how)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(tmp_path, make_spec("a"), scores_of(0.8), validation=scores_of(0.9))


@pytest.mark.parametrize("old", OLD, ids=[old.name for old in OLD])
def test_results_of_every_schema_load_and_hold(old: Path) -> None:
    result = load_result(old)
    assert result.spec.run_id == json.loads((old / "spec.json").read_text())["run_id"]
    assert result.metric("video/auc").value is not None
    assert faults(old) == []


def test_there_is_a_result_of_every_earlier_schema() -> None:
    from dfbench.results.result import SCHEMA

    found = [json.loads((old / "result.json").read_text())["schema"] for old in OLD]
    assert found == list(range(1, SCHEMA))


def test_a_run_holds(folder: Path) -> None:
    assert faults(folder) == []
    assert faults(folder, only={"video/auc", "frame/auc"}, intervals=()) == []


def edit(folder: Path, change: Callable[[dict[str, Any]], None], file: str = "result.json") -> None:
    data = json.loads((folder / file).read_text())
    change(data)
    write_json(folder / file, data)


def metric(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(m for m in data["metrics"] if m["name"] == name and m["subset"] == "all")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: metric(d, "video/auc").update(value=0.99), "video/auc is 0.8, not 0.99"),
        (lambda d: metric(d, "video/f1").update(value=0.99), "video/f1"),
        (lambda d: metric(d, "video/auc").update(low=0.79, high=0.81), "has the interval"),
        (lambda d: metric(d, "video/auc").update(low=0.9, high=0.7), "which is none"),
        (lambda d: metric(d, "frame/auc").update(value=0.99), "frame/auc is 0.8"),
        (lambda d: metric(d, "video/auc").update(n_real=5), "not of 5 and"),
        (lambda d: metric(d, "video/auc").update(n_real=9, n_fake=0), "not of 9 and 0"),
        (lambda d: metric(d, "video/auc").update(low=None, high=None), "has no interval"),
        (lambda d: d["counts"].update(videos=4000), "40 videos, the result 4000"),
        (lambda d: d["metrics"].append({**d["metrics"][0], "subset": "ghost"}), "[ghost] is noth"),
        (lambda d: d.update(coverage=0.5), "coverage is 1, not 0.5"),
        (lambda d: d["counts"].update(real=21), "20 real videos, the result 21"),
        (lambda d: d["chosen"]["thresholds"].update(val=0.01), "the threshold val is"),
        (lambda d: d["chosen"].update(temperature=9.0), "the temperature is"),
        (lambda d: d["breakdowns"][0]["metrics"][0].update(value=0.99), "auc[method=swap]"),
        (lambda d: d["breakdowns"][0]["metrics"].pop(0), "is not in it"),
        (lambda d: d["breakdowns"].pop(0), "the part method=swap is missing"),
        (lambda d: d["breakdowns"][0].update(coverage=0.5), "method=swap has a coverage of 1"),
        (lambda d: d["metrics"].remove(metric(d, "video/f1")), "video/f1@0.5 is not in it"),
        (lambda d: d["mistakes"].pop(), "the mistakes are not"),
        (lambda d: d["mistakes"].clear(), "the mistakes are not"),
        (lambda d: d["mistakes"][0].update(score=0.5), "the mistakes are not"),
        (lambda d: d["chosen"]["thresholds"].pop("val"), "the threshold val is missing"),
        (lambda d: d.update(truth="0" * 16), "does not agree with the dataset"),
    ],
)
def test_a_number_edited_by_hand(folder: Path, change: Any, told: str) -> None:
    edit(folder, change)
    assert told in "\n".join(faults(folder))


def test_the_end_of_a_share_lies_within_its_range_even_where_no_draws_are_made(
    folder: Path,
) -> None:
    edit(folder, lambda d: metric(d, "video/accuracy").update(low=-0.5, high=0.9))
    assert "[-0.5, 0.9], which is none" in faults(folder, only={"video/accuracy"}, intervals=())[0]


@pytest.mark.parametrize("order", [sorted, lambda rows: rows[::-1]], ids=["sorted", "reversed"])
def test_a_spreadsheet_may_sort_the_rows_and_write_its_mark(folder: Path, order: Any) -> None:
    file = folder / "predictions.csv"
    head, *rows = file.read_text().splitlines()
    file.write_text("\ufeff" + "\n".join([head, *order(rows), ""]))
    assert faults(folder) == []


def test_a_spec_edited_by_hand(folder: Path) -> None:
    edit(folder, lambda d: d.update(seed=5), "spec.json")
    assert "spec.json is of run" in faults(folder)[0]
    edit(folder, lambda d: d["spec"].update(seed=5))
    with pytest.raises(ResultError, match="was changed by hand: its spec is that of run"):
        load_result(folder)


def turn(rows: list[Prediction]) -> list[Prediction]:
    return [replace(rows[0], label=1), *rows[1:]]


SPOILED = {
    "one label turned": (turn, ["19 real videos, the result 20", "does not agree with the data"]),
    "two labels exchanged": (
        lambda rows: [replace(rows[0], label=1), *rows[1:-1], replace(rows[-1], label=0)],
        ["does not agree with the dataset"],
    ),
    "a video removed": (lambda rows: rows[1:], ["the video has no scores: real/0", "39 videos"]),
    "a row duplicated": (lambda rows: [*rows, rows[0]], ["a clip stands twice: 0 of real/0"]),
    "a video copied": (
        lambda rows: [*rows, replace(rows[0], video="real/x")],
        ["none of the test's: real/x", "41 videos, the test 40"],
    ),
    "of another dataset": (
        lambda rows: [replace(row, dataset="easy") for row in rows],
        ["not of sample"],
    ),
    "another group": (
        lambda rows: [replace(rows[0], group="alone"), *rows[1:]],
        ["labels, methods and groups"],
    ),
    "a score changed": (
        lambda rows: [*rows[:-1], replace(rows[-1], score=1.0)],
        ["does not follow from the score"],
    ),
    "a clip that says otherwise": (
        lambda rows: [*rows, replace(rows[0], clip=1, label=1)],
        ["disagree on its label"],
    ),
    "a label that is none": (
        lambda rows: [replace(rows[0], label=2), *rows[1:]],
        ["neither 0 nor 1: real/0"],
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_scores_that_are_not_those_of_the_test(folder: Path, how: str) -> None:
    spoil, told = SPOILED[how]
    rewrite(folder / "predictions.csv", spoil(read_predictions(folder)))
    found = "\n".join(faults(folder))
    assert [part for part in told if part not in found] == [], found
    board = make_board(Sources((folder,)))
    assert not board.contests
    assert [out.rejected for out in board.left_out] == [True]


def test_scores_that_are_gone_or_no_table_are_a_fault(folder: Path) -> None:
    file = folder / "predictions.csv"
    file.write_bytes(b"\xff\xfe\0")
    assert "no table of text" in faults(folder)[0]
    file.unlink()
    assert "cannot be read" in faults(folder)[0]


def test_whoever_lies_alone_about_the_labels_is_rejected(tmp_path: Path) -> None:
    """A cheat who computes everything anew from labels of his own is told by the others."""
    for name in ("a", "b"):
        add(tmp_path, make_spec(name), 0.7)
    rows = scores_of(0.9)
    first, last = replace(rows[0], label=1), replace(rows[-1], label=0)
    cheat = put(tmp_path, make_spec("cheat"), [first, *rows[1:-1], last])
    assert faults(cheat) == []
    board = make_board(Sources((tmp_path,)))
    assert sorted(one.entry.spec.model.label for _, one in board.rows()) == ["a", "b"]
    (out,) = board.left_out
    assert (out.source, out.rejected) == (str(cheat), True)
    assert "2 other runs on the same test videos of sample say otherwise" in out.reason


def test_two_that_disagree_are_both_rejected(tmp_path: Path) -> None:
    add(tmp_path, make_spec("a"), 0.7)
    rows = scores_of(0.9)
    put(tmp_path, make_spec("b"), [replace(rows[0], group="else"), *rows[1:]])
    board = make_board(Sources((tmp_path,)))
    assert (not board.contests, len(board.left_out)) == (True, 2)


def test_a_copied_run_needs_no_model_beside_it(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert faults(tmp_path / "copy") == []


def test_an_interval_made_up_is_found_by_the_board(folder: Path) -> None:
    edit(folder, lambda d: metric(d, "video/auc").update(low=0.79, high=0.81))
    (out,) = make_board(Sources((folder,))).left_out
    assert "video/auc has the interval" in out.reason


def respelled(d: dict[str, Any], **model: Any) -> None:
    """A cheat who knows how ids are made."""
    d["spec"]["model"].update(model)
    for name in ("run_id", "model_id"):
        del d["spec"][name]


ODD: tuple[Callable[[dict[str, Any]], Any], ...] = (
    lambda d: metric(d, "video/auc").update(value="0.8"),
    lambda d: metric(d, "video/auc").update(value=float("nan")),
    lambda d: d["cost"].update(parameters="many"),
    lambda d: d["cost"].update(parameters=float("inf")),
    lambda d: d["cost"].update(parameters=10**400),
    lambda d: d["cost"].update(videos_per_second=10**400),
    lambda d: d["cost"].update(seconds=["long"]),
    lambda d: d.update(cost=None),
    lambda d: d.update(counts=[]),
    lambda d: d.update(metrics={"video/auc": 0.9}),
    lambda d: d.update(chosen={"thresholds": "0.5"}),
    lambda d: d.update(breakdowns=[7]),
    lambda d: d.update(schema=True),
    lambda d: d.update(schema=-5),
    lambda d: d.update(provenance="mine"),
    lambda d: d.update(environment=[1]),
    lambda d: d.update(notes="<b>"),
    lambda d: d.update(notes=["\ud800"]),
    lambda d: d["provenance"].update(ended="2999-01-01T00:00:00+00:00"),
    lambda d: d["provenance"].update(ended="soon"),
    lambda d: d["spec"].pop("run_id"),
    lambda d: d["spec"]["test"].update(videos="forty"),
    lambda d: respelled(d, detector=None),
    lambda d: respelled(d, weights=7),
    lambda d: respelled(d, weights={"<b>": 1}),
    lambda d: respelled(d, given=[1]),
    lambda d: respelled(d, detector="\ud800"),
    lambda d: metric(d, "video/auc").update(reason={"<b>": 1}),
)


@pytest.mark.parametrize("change", ODD)
def test_files_of_odd_types_never_end_the_table(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    data = json.loads((folder / "result.json").read_text())
    change(data)
    (folder / "result.json").write_text(json.dumps(data))
    add(tmp_path, make_spec("good"), 0.7)
    board = make_board(Sources((tmp_path,)))
    assert [one.entry.spec.model.label for _, one in board.rows()] == ["good"]
    assert [(out.source, out.rejected) for out in board.left_out] == [(str(folder), True)]
    for form in (as_json, as_csv, as_markdown, as_latex):
        form(board).encode()
