"""What plugins and scripts import: complete, documented, typed, and kept to by the built-ins."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from repository import ROOT

import dfbench
from dfbench import moved
from dfbench.api import RunOptions
from dfbench.lazy import homes
from dfbench.running.request import Request

PUBLIC = ("dfbench", "dfbench.results", "dfbench.evaluate")
READERS = ("dfbench_leaderboard", "dfbench_mlflow")
"""Packages that read results, and so may import all three."""
NAMES = [(package, name) for package in PUBLIC for name in homes(package)]


@pytest.mark.parametrize("package", PUBLIC)
def test_all_is_what_the_stub_lists(package: str) -> None:
    module = importlib.import_module(package)
    stub = ast.parse(Path(str(module.__file__)).with_suffix(".pyi").read_text("utf-8"))
    listed = [a for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names]
    assert all(alias.asname == alias.name for alias in listed)
    assert module.__all__ == sorted(alias.name for alias in listed)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_public_name_is_there_and_explained(package: str, name: str) -> None:
    value = getattr(importlib.import_module(package), name)
    folder = Path(str(importlib.import_module(package).__file__)).parent
    taken = {path.stem for path in folder.iterdir()}
    assert name not in taken, "importing the module of that name would hide it"
    if inspect.isclass(value) or inspect.isfunction(inspect.unwrap(value)):
        assert value.__doc__, f"{name} has no docstring"
        own = inspect.getdoc(value)
        assert own is not None
        assert not own.startswith(f"{name}("), f"{name} has only what dataclass writes for it"
    else:
        assert said_of_constant(homes(package)[name], name), f"nothing is said of {name}"


def said_of_constant(module: str, name: str) -> bool:
    """Whether a text, or a comment, stands with the assignment of a name."""
    source = Path(str(importlib.import_module(module).__file__)).read_text("utf-8")
    lines, body = source.splitlines(), ast.parse(source).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else []
        names = {t.id for target in targets for t in ast.walk(target) if isinstance(t, ast.Name)}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = {node.target.id}
        if name in names:
            text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            return text or "#" in lines[node.lineno - 1] or lines[node.lineno - 2].startswith("#")
    return False


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = ["torch", "numpy", "cv2", "av", "pandas", "mlflow", "click", "matplotlib"]
    code = f"import sys, {', '.join(PUBLIC)}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    for package in map(importlib.import_module, PUBLIC):
        with pytest.raises(AttributeError, match="nothing_of_the_sort"):
            _ = package.nothing_of_the_sort


# --- the built-ins keep to it ---------------------------------------------------------------


def imports_of_the_core(package: Path) -> Iterator[tuple[str, str]]:
    """(file, module) of each import from dfbench, those for type checking too."""
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            yield from ((str(file), n) for n in names if n.partition(".")[0] == "dfbench")


PACKAGES = [
    path
    for root in ("plugins", "datasets", "leaderboard")
    for path in sorted((ROOT / root).iterdir())
    if path.is_dir() and any(path.glob("*.py"))
]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_built_in_package_imports_what_anyone_may(package: Path) -> None:
    allowed = PUBLIC if package.name in READERS else PUBLIC[:1]
    wrong = [found for found in imports_of_the_core(package) if found[1] not in allowed]
    assert wrong == []


# --- run, from Python -----------------------------------------------------------------------


def test_run_takes_every_option_of_a_request() -> None:
    own = {"detector", "train", "tests", "perturb"}
    renamed = {"data_roots": "data_root", "split_files": "split_file"}
    asked = {renamed.get(f.name, f.name) for f in fields(Request)} - own
    typed = set(get_type_hints(RunOptions))
    taken = set(inspect.signature(dfbench.run).parameters)
    assert typed == asked | {"reporter"}
    assert taken == typed | {"detector", "dataset", "train", "test", "perturb", "misspelt"}


@pytest.mark.parametrize(
    ("wrong", "near"), [("epoch", "epochs"), ("data_roots", "data_root"), ("detecter", "detector")]
)
def test_a_misspelt_keyword_says_the_near_match(wrong: str, near: str) -> None:
    with pytest.raises(TypeError, match=f"'{wrong}': did you mean '{near}'"):
        dfbench.run("meso4", dataset="sample", **{wrong: 1})  # type: ignore[call-overload]


def test_the_defaults_of_run_are_those_of_a_request() -> None:
    taken = inspect.signature(dfbench.run).parameters
    for one in fields(Request):
        if one.name in taken and one.name not in ("detector", "train", "perturb"):
            default = taken[one.name].default
            assert Path(default) == one.default if one.name == "out" else default == one.default


# --- modules of 0.5 -------------------------------------------------------------------------


def test_every_old_module_and_name_leads_somewhere() -> None:
    for old, new in moved.MOVED.items():
        assert importlib.import_module(f"dfbench.{new}"), old
        assert importlib.import_module(f"dfbench.{old}"), old
    for old, new in moved.NAMES.items():
        home, _, name = f"dfbench.{new}".rpartition(".")
        assert hasattr(importlib.import_module(home), name), old
        assert old.rpartition(".")[0] in moved.MOVED


@pytest.mark.parametrize(
    ("code", "is_now"),
    [
        ("from dfbench.cards import DetectorCard as it", "dfbench.DetectorCard"),
        ("from dfbench.records import VideoRecord as it", "dfbench.VideoRecord"),
        ("from dfbench.detector import Detector as it", "dfbench.Detector"),
        ("from dfbench.catalogue import catalogue as it", "dfbench.open_catalogue"),
        ("from dfbench.clips import five as it", "dfbench.five_points"),
        ("from dfbench.result import MetricValue as it", "dfbench.results.MetricValue"),
        ("from dfbench.evaluate.judge import judge as it", "dfbench.evaluate.judge"),
    ],
)
def test_what_is_public_is_found_under_its_old_name(code: str, is_now: str) -> None:
    found: dict[str, object] = {}
    with pytest.warns(DeprecationWarning, match=f"it is {is_now} now"):
        exec(code, found)
    package, _, name = is_now.rpartition(".")
    assert found["it"] is getattr(importlib.import_module(package), name)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("from dfbench.spec import label", "it is dfbench.catalogue.names.label now"),
        ("from dfbench.runner import run", "it is dfbench.running.runner.run now"),
        ("from dfbench.detector import count_parameters", "dfbench.detector.network.count"),
        ("from dfbench.make import no_such_thing", "cannot import name 'no_such_thing'"),
        ("import dfbench.no_such_module", "No module named 'dfbench.no_such_module'"),
    ],
)
def test_what_is_not_says_where_it_went(code: str, told: str) -> None:
    with pytest.raises(ImportError) as caught:
        exec(code, {})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_errors_are_where_they_were() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from dfbench.errors import DataError
    assert DataError is dfbench.DataError


def test_a_detector_that_was_pickled_by_0_5_is_still_one() -> None:
    """MLflow keeps models as pickles, which name the class by its module of then, and functions
    that its layers call."""
    from dfbench.detector.network import _channels_first

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pickle.loads(b"cdfbench.detector\nDetector\n.") is dfbench.Detector
        assert pickle.loads(b"cdfbench.detector\n_channels_first\n.") is _channels_first
        assert pickle.loads(b"cdfbench.cards\nClipSpec\n.") is dfbench.ClipSpec


def test_the_changelog_lists_what_moved() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for old in moved.MOVED:
        assert f"`{old}`" in text, f"the table of moved modules lacks {old}"


# --- a plugin of somebody else's ------------------------------------------------------------

PLUGIN = '''
"""A plugin that uses what it may."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import dfbench
from dfbench import (
    FAKE, REAL, Augmentation, ClipSpec, DatasetCard, DataError, DetectorCard, Faces, InitialState,
    Jitter, MetricCard, Recipe, RunResult, VideoRecord, hookimpl, videos_below,
)


class Brightness(torch.nn.Module):
    def __init__(self, width: int = 1) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(width))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return clips.mean((1, 2, 3, 4)) * self.scale.sum()

    def augment(self, rng: np.random.Generator) -> Augmentation:
        return Augmentation(jitter=Jitter(flip=bool(rng.random() < 0.5)), blur=1.0)

    def convert(self, tensors: dict[str, torch.Tensor]) -> InitialState:
        return InitialState(tensors)


class Nobody:
    def __init__(self, weights: Path | None) -> None:
        self.weights = weights

    def detect(self, images: NDArray[np.uint8]) -> list[Faces]:
        none = np.zeros((0, 4), np.float32)
        return [Faces(none, np.zeros((0, 5, 2), np.float32), none[:, 0]) for _ in images]


def records(root: Path) -> Iterable[VideoRecord]:
    if not root.is_dir():
        raise DataError(f"{root} is no folder")
    for path in videos_below(root):
        yield VideoRecord(path.stem, path, FAKE if "fake" in path.name else REAL)


@hookimpl
def dfbench_detectors() -> list[DetectorCard]:
    return [DetectorCard(name="b", summary="s", target="p:Brightness", clip=ClipSpec(size=32),
                         recipe=Recipe(epochs=1), options={"width": 1}, methods=())]


@hookimpl
def dfbench_datasets() -> list[DatasetCard]:
    return [DatasetCard(name="d", summary="s", target="p:records", how_to_get="ask")]


@hookimpl
def dfbench_metrics() -> list[MetricCard]:
    return [MetricCard(name="m", summary="s", target="p:metric", higher_is_better=True)]


@hookimpl
def dfbench_run_finished(result: RunResult, folder: Path) -> None:
    print(result.metric("video/auc").value, folder)


def metric(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    return float((labels == (scores > 0.5)).mean())


def one() -> RunResult:
    return dfbench.run("b", dataset="d", epochs=1, data_root="x", out=Path("runs"), limit=3)


def many() -> list[RunResult]:
    return dfbench.run("b", train="d", test=["d", "sample"], perturb="blur", seed=1)
'''


def test_a_plugin_against_the_surface_type_checks(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api", reason="mypy is not installed here")
    (tmp_path / "p.py").write_text(PLUGIN)
    out, err, code = mypy.run(["--strict", "--cache-dir", str(tmp_path / "c"), str(tmp_path)])
    assert code == 0, out + err


def test_mypy_knows_a_misspelt_keyword(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api", reason="mypy is not installed here")
    (tmp_path / "p.py").write_text("import dfbench\ndfbench.run('a', dataset='b', epoch=1)\n")
    out, _, code = mypy.run(["--strict", "--cache-dir", str(tmp_path / "c"), str(tmp_path)])
    assert code == 1
    assert "epoch" in out
