"""The LaTeX table: what a paper would paste, and nothing in a name is a command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_runs import add, make_spec

from dfbench_leaderboard.forms.latex import as_latex, escaped
from dfbench_leaderboard.rows.board import make_board
from dfbench_leaderboard.rows.sources import Sources

COMMANDS = {
    "begin",
    "end",
    "centering",
    "caption",
    "toprule",
    "midrule",
    "bottomrule",
    "textbf",
    "approx",
    "textbackslash",
    "textasciicircum",
    "textasciitilde",
    "textless",
    "textgreater",
    "textbar",
    "textquotedbl",
    "textasciigrave",
}
EVIL = [r"\input{/etc/passwd}", r"$\write18{rm}$", "50%_a&b#c", '~^<>|"`', "]{", "x\n\\\\ \\hline"]


def latex(folder: Path) -> str:
    return as_latex(make_board(Sources((folder,))))


def test_best_in_bold_ties_marked_and_seeds_named(tmp_path: Path) -> None:
    for seed, auc in ((0, 0.9), (1, 0.92)):
        add(tmp_path, make_spec("a", seed), auc)
    add(tmp_path, make_spec("b"), 0.85)
    add(tmp_path, make_spec("none"), None)
    lines = latex(tmp_path).splitlines()
    a, b, none = (
        next(line for line in lines if line.startswith(f"{name} &")) for name in ("a", "b", "none")
    )
    assert r"\textbf{0.910} (" in a
    assert a.endswith(r"0, 1 \\")
    assert r"\approx" in b
    assert "0.850 (" in b
    assert " -- " in none
    assert len({line.count("&") for line in (a, b, none)}) == 1
    assert r"\begin{tabular}{lllrrrrl}" in lines


@pytest.mark.parametrize("name", EVIL)
def test_names_are_text(tmp_path: Path, name: str) -> None:
    add(tmp_path, make_spec(name), notes=(name,))
    text = latex(tmp_path)
    # Outside of comments, which are ours: no command but ours, every brace closed, and no special
    # character that is not escaped.
    body = "\n".join(line for line in text.splitlines() if not line.startswith("% "))
    assert set(re.findall(r"\\([A-Za-z]+)", body)) <= COMMANDS
    assert not re.search(r"(?<!\\)[#_%^~]", body)
    bare = re.sub(r"\\[{}]", "", body)
    assert bare.count("{") == bare.count("}")
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1


def test_escaped_text_reads_as_it_was() -> None:
    assert escaped("r3d18:width=0.25") == "r3d18:width=0.25"
    assert escaped("a_b") == r"a\_b"
    assert escaped("*x") == "{*}x"  # \\\\ followed by * would lose the star
    assert escaped("[x]") == "{[}x{]}"  # \\ followed by [ would be a length
