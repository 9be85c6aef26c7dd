"""The rooms of the core as docs/architecture.md says: a place for everything, no import upwards."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from repository import ROOT


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "scripts" / "rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_is_kept(rooms: ModuleType) -> None:
    files = rooms.modules()
    order = list(rooms.table())
    assert order[0] == rooms.GROUND
    assert order[-1] == rooms.FACE
    assert rooms.faults(files, rooms.graph_of(files), order) == []


def test_an_import_upwards_is_found(rooms: ModuleType) -> None:
    graph = {"dfbench.data.lists": {"dfbench.cli.runs"}, "dfbench.cli.runs": set()}
    (told,) = rooms.upward(graph, list(rooms.table()))
    assert told == "dfbench.data.lists imports dfbench.cli.runs, which lies below it"


def test_a_circle_is_found(rooms: ModuleType) -> None:
    assert rooms.circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) != []
    assert rooms.circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_a_room_that_grows_too_large_or_has_no_place_is_found(rooms: ModuleType) -> None:
    core = ROOT / "harness" / "dfbench"
    files = rooms.modules()
    order = list(rooms.table())
    many = {f"dfbench.plots.p{n}": core / "plots" / f"p{n}.py" for n in range(20)}
    (told,) = rooms.too_large({**files, **many}, order)
    assert told.startswith("plots has 26 modules")
    attic = {"dfbench.attic.old": core / "attic" / "old.py"}
    assert "attic has no place in the table" in rooms.too_large({**files, **attic}, order)
    assert "attic stands in the table and is not there" in rooms.too_large(files, [*order, "attic"])


def test_imports_within_functions_count_and_those_for_type_checking_do_not(
    rooms: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "m.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nimport p.a\nif TYPE_CHECKING:\n    import p.b\n"
        "def f():\n    from p import c\n    from p.d import name\n"
    )
    assert sorted(rooms.imported(file, {"p.a", "p.b", "p.c", "p.d"})) == ["p.a", "p.c", "p.d"]


def test_only_arrows_that_follow_from_no_others_are_drawn(rooms: ModuleType) -> None:
    assert rooms.direct([("c", "b"), ("b", "a"), ("c", "a"), ("d", "a")]) == [
        ("c", "b"), ("b", "a"), ("d", "a")
    ]  # fmt: skip


def test_the_picture_is_that_of_the_imports(rooms: ModuleType) -> None:
    drawn = (ROOT / "docs" / "architecture.svg").read_text("utf-8")
    assert drawn == rooms.picture(), "python scripts/rooms.py --svg docs/architecture.svg"


def test_the_script_prints_rooms_sizes_and_arrows() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "rooms.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "evaluate" in done.stdout
    assert "imports from" in done.stdout


def test_layout_is_the_formatter_s() -> None:
    """Where it is switched off there stands a table or a matrix."""
    found = [
        str(file.relative_to(ROOT))
        for folder in ("harness", "plugins", "datasets", "leaderboard", "tests", "bench", "scripts")
        for file in (ROOT / folder).rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if line.endswith("# fmt: skip")
    ]
    assert len(found) < 40, found


def test_files_of_tests_are_short() -> None:
    lines = {f: len(f.read_text("utf-8").splitlines()) for f in (ROOT / "tests").rglob("test_*.py")}
    assert {file.name: n for file, n in lines.items() if n >= 400} == {}
