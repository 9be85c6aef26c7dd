"""Where things lie and who may import whom (design, sections 3 and 9)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import ROOT

ROOTS = ("harness", "plugins", "datasets", "leaderboard")
CORE = ROOT / "harness" / "dfbench"


# Rooms, and modules of the ground, that import at their top the standard library and dfbench alone,
# or this beside it: what is read before anything heavy is wanted.
LIGHT: dict[str, set[str]] = {
    name: set()
    for name in ("__init__", "api", "data", "errors", "files", "lazy", "moved", "results")
} | {"catalogue": {"pluggy"}, "places": {"platformdirs"}, "fanout": {"joblib"}}
ONLY_IN: dict[str, set[str]] = {
    "torch": {"detector", "clips", "training", "running"},
    "lightning_fabric": {"training", "running"},
    "captum": set(),
    "av": {"video"},
    "cv2": {"video", "faces", "clips"},
    "joblib": {"fanout"},
    "matplotlib": {"plots"},
    "rich": {"cli"},
    "click": {"cli"},
    "mlflow": set(),
    "sklearn": set(),
    "pandas": set(),
}
"""The rooms that may import a package at the top of a module."""

Import = tuple[str, bool]


def imports(file: Path) -> Iterator[Import]:
    """(module, at the top?) of every import that runs; those for type checking do not."""

    def walk(node: ast.AST, top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file}: imports are absolute here"
                yield child.module or "", top
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from walk(child, top and not inside)

    return walk(ast.parse(file.read_text("utf-8")), True)


def packages() -> dict[str, Path]:
    return {
        path.name: path
        for root in ROOTS
        for path in sorted((ROOT / root).iterdir())
        if path.is_dir() and any(path.glob("*.py"))
    }


def room(file: Path) -> str:
    """The folder of the core that a module lies in, or the module of the ground that it is."""
    return file.relative_to(CORE).parts[0].removesuffix(".py")


def test_the_roots_are_no_packages_and_all_within_carries_the_prefix():
    for root in ROOTS:
        assert not list((ROOT / root).glob("*.py")), f"{root}/ must hold packages only"
    assert all(name == "dfbench" or name.startswith("dfbench_") for name in packages())


def test_light_rooms_are_light():
    for file in CORE.rglob("*.py"):
        module = room(file)
        used = {name.split(".")[0] for name, top in imports(file) if top}
        foreign = used - sys.stdlib_module_names - {"dfbench"}
        if module in LIGHT:
            assert foreign <= LIGHT[module], f"{module} imports {foreign - LIGHT[module]}"
        for package in foreign & set(ONLY_IN):
            assert module in ONLY_IN[package], f"{module} imports {package} at its top"


def test_mlflow_is_the_tracking_plugin_s_alone():
    for name, path in packages().items():
        used = {found.split(".")[0] for file in path.rglob("*.py") for found, _ in imports(file)}
        assert "mlflow" not in used or name == "dfbench_mlflow"


def test_packages_import_no_other_one():
    """What they may import of the core is tested with the public surface."""
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for package, path in packages().items()
        if package != "dfbench"
        for file in path.rglob("*.py")
        for name, _ in imports(file)
        if name.startswith("dfbench_") and name.partition(".")[0] != package
    ]
    assert wrong == []


def test_a_plugin_s_first_module_imports_nothing_heavy():
    names = [name for name in packages() if name != "dfbench"]
    heavy = ["torch", "mlflow", "numpy", "cv2", "av", "pandas", "matplotlib", "h5py"]
    code = f"import sys, {', '.join(names)}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_leaderboard_needs_no_torch():
    files = sorted((ROOT / "leaderboard").rglob("*.py"))
    names = [".".join(f.relative_to(ROOT / "leaderboard").with_suffix("").parts) for f in files]
    names = [name.removesuffix(".__init__") for name in names]
    code = f"import sys, {', '.join(names)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr


# --- the wheel ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """Names of the files in a wheel built from this tree, without a network."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def test_every_plugin_has_an_entry_point(project):
    named = set(project["project"]["entry-points"]["dfbench"].values())
    assert named == set(packages()) - {"dfbench"}


def test_every_source_file_is_in_the_wheel_and_nothing_else(wheel):
    expected = {
        str(file.relative_to(ROOT / root))
        for root in ROOTS
        for file in (ROOT / root).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    shipped = {name for name in wheel if ".dist-info/" not in name}
    assert shipped == expected
    assert {name.split("/")[0] for name in shipped} == set(packages())
    assert "dfbench/py.typed" in shipped
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


def test_every_public_name_is_there():
    import dfbench

    assert [name for name in dfbench.__all__ if getattr(dfbench, name, None) is None] == []
    assert set(dfbench.__all__) <= set(dir(dfbench))


def test_the_version_stands_once(project):
    import dfbench

    assert dfbench.__version__ == project["project"]["version"]


def test_lower_bounds_only(project):
    for name in project["project"]["dependencies"]:
        assert not {"<", "=="} & {name[i : i + 2] for i in range(len(name))}, name
        assert "<" not in name, name
        assert ">=" in name, name
