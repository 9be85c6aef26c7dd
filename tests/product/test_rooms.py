"""The rooms of the core are as docs/architecture.md says: a place for all, no import upwards."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from repository import ROOT

SCRIPT = ROOT / "scripts" / "rooms.py"
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CORE = ROOT / "harness" / "dfbench"
FOLDERS = ("harness", "plugins", "datasets", "leaderboard", "tests", "bench", "scripts", "docs")


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rooms"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def told(wrong: list[str]) -> str:
    return "\n  ".join(["", *wrong])


# --- the rules hold ---------------------------------------------------------------------------


def test_every_rule_is_kept(rooms: ModuleType) -> None:
    table, modules = rooms.read_rooms(PAGE), rooms.find_modules()
    imports = rooms.find_imports(modules)
    wrong = [
        *rooms.unplaced(table, modules),
        *rooms.upward(table, imports),
        *rooms.circles(imports),
        *rooms.too_large(modules),
    ]
    assert wrong == [], told(wrong)


def test_the_picture_is_that_of_the_imports(rooms: ModuleType) -> None:
    table = rooms.read_rooms(PAGE)
    drawn = rooms.draw(table, rooms.find_arrows(table, rooms.find_imports(rooms.find_modules())))
    now = (ROOT / "docs" / "architecture.svg").read_text("utf-8")
    assert now == drawn, "python scripts/rooms.py --svg docs/architecture.svg"


def test_the_script_prints_rooms_sizes_and_arrows() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"^evaluate +\d+ modules +\d+ lines +imports from ground \d+", done.stdout, re.M
    )


def test_what_the_page_names_is_there(rooms: ModuleType) -> None:
    for room in rooms.read_rooms(PAGE):
        places = [CORE / m for m in room.members if m.endswith("/") and len(room.members) == 1]
        for name in room.worth_knowing:
            place = (places or [CORE])[0] / name
            assert place.is_dir() or place.with_suffix(".py").is_file(), f"{room.name}: {name}"
    board = ROOT / "leaderboard" / "dfbench_leaderboard"
    paths = re.findall(r"`([a-z_0-9/]+/(?:[a-z_0-9]+(?:\.\w+)?)?)`", PAGE)
    assert len(paths) > 20
    for path in paths:
        assert any((base / path).exists() for base in (ROOT, CORE, board)), path


# --- each of them can fail --------------------------------------------------------------------


def test_an_import_upwards_is_found(rooms: ModuleType) -> None:
    table = rooms.read_rooms(PAGE)
    down = rooms.Import("dfbench.cli.runs", "dfbench.data.lists", "runs.py:3")
    up = rooms.Import("dfbench.data.lists", "dfbench.cli.runs", "lists.py:7")
    face = rooms.Import("dfbench.data.lists", "dfbench", "lists.py:8")
    plugin = rooms.Import("dfbench_foo", "dfbench.data.lists", "foo.py:1")
    assert rooms.upward(table, [down, plugin]) == []
    assert rooms.upward(table, [down, up, face]) == [str(up), str(face)]
    assert str(up) == "lists.py:7: dfbench.data.lists imports dfbench.cli.runs"


def test_every_circle_is_found(rooms: ModuleType) -> None:
    def circles(text: str) -> list[str]:
        return rooms.circles(rooms.Import(*pair) for pair in text.split())

    assert circles("ab bc ac") == []
    assert circles("ab ba") in (["a imports b imports a"], ["b imports a imports b"])
    assert len(circles("ab bc ca xy yx dx")) == 2


def test_what_has_no_place_or_grows_too_large_is_found(rooms: ModuleType) -> None:
    table, modules = rooms.read_rooms(PAGE), list(rooms.find_modules())
    assert rooms.unplaced(table, [*modules, "dfbench.attic.old"]) == [
        "dfbench.attic.old has no room"
    ]
    assert rooms.unplaced(table, [*modules, "dfbench.attic"]) == ["dfbench.attic has no room"]
    table.append(rooms.Room("cellar", "", ("cellar/", "wine.py")))
    assert rooms.unplaced(table, modules) == ["cellar/ is not there", "wine.py is not there"]

    def large(text: str, number: int) -> list[str]:
        return rooms.too_large([text.format(n) for n in range(number)])

    assert large("dfbench.cli.terminal.m{}", 20) == []
    assert large("dfbench.cli.terminal.m{}", 21) == ["dfbench.cli has 21 modules, more than 20"]
    assert large("dfbench.room{}.m", 13) == []
    assert large("dfbench.room{}.m", 14) == ["the core has 14 rooms, more than 13"]
    assert large("dfbench_foo.m{}", 10) == []
    assert large("dfbench_foo.m{}", 11) == ["dfbench_foo has 11 modules and no rooms"]


def test_imports_that_run_count_wherever_they_stand(rooms: ModuleType, tmp_path: Path) -> None:
    modules = {f"p.{name}": tmp_path / f"{name}.py" for name in "abcdefg"} | {"dfbench": tmp_path}
    modules["p.a"].write_text(
        "from typing import TYPE_CHECKING\nfrom dfbench import __version__\n"
        "if TYPE_CHECKING:\n    import p.b\nelse:\n    import p.c\n"
        "if not TYPE_CHECKING:\n    from p import d\n"
        "def f():\n    from p.e import name, other\n"
    )
    modules["p.a"].with_suffix(".pyi").write_text("from p.f import name as name\n")
    found = rooms.find_imports(modules)
    assert [one.imported for one in found] == ["p.c", "p.d", "p.e", "p.f"]
    assert found[2].where.endswith("a.py:10")
    modules["p.a"].write_text("from . import b\n")
    with pytest.raises(SystemExit, match="absolute"):
        rooms.find_imports(modules)


def test_only_arrows_that_follow_from_no_others_are_drawn(rooms: ModuleType) -> None:
    assert rooms.direct(["ab", "bc", "ac", "ad"]) == {("a", "b"), ("b", "c"), ("a", "d")}


# --- the look of the code ---------------------------------------------------------------------


def test_layout_is_the_formatter_s() -> None:
    """Where it is switched off there stands a table or a matrix."""
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if line.endswith("# fmt: skip")
    ]
    assert len(found) < 40, told(found)


def test_files_of_tests_are_short() -> None:
    lines = {f: len(f.read_text("utf-8").splitlines()) for f in (ROOT / "tests").rglob("test_*.py")}
    assert {file.name: n for file, n in lines.items() if n >= 400} == {}
