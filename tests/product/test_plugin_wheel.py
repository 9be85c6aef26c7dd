"""A plugin of somebody else, from source to a trained model; and one that is broken."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "dfbench-{name}"
version = "1.2"
dependencies = ["deepfake-bench"]
[project.entry-points.dfbench]
{name} = "dfbench_{name}"
"""
CARD = """\
from dfbench import ClipSpec, DetectorCard, hookimpl

@hookimpl
def dfbench_detectors():
    return [DetectorCard(name="tiny", summary="the mean colour", clip=ClipSpec(size=16, windows=2),
                         target="dfbench_tiny.network:Tiny")]
"""
NETWORK = """\
from torch import nn

class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 1)

    def forward(self, clips):
        return self.head(clips.mean((2, 3, 4)))[:, 0]
"""


def install(source: Path, site: Path) -> None:
    """Build a wheel from ``source`` and install it into ``site``, all without a network."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    if importlib.util.find_spec("pip"):
        installer = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    elif shutil.which("uv"):
        installer = [
            "uv",
            "pip",
            "install",
            "--no-deps",
            "--offline",
            "--quiet",
            "--python",
            sys.executable,
        ]
    else:
        zipfile.ZipFile(wheel).extractall(site)
        return
    done = subprocess.run(
        [*installer, "--target", str(site), str(wheel)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[str, str]:
    """The environment of a process in which both plugins are installed."""
    folder = tmp_path_factory.mktemp("plugins")
    for name, files in {
        "tiny": {"__init__.py": CARD, "network.py": NETWORK},
        "wrong": {"__init__.py": "import a_module_that_is_not_there\n"},
    }.items():
        package = folder / name / f"dfbench_{name}"
        package.mkdir(parents=True)
        (folder / name / "pyproject.toml").write_text(PROJECT.format(name=name))
        for file, text in files.items():
            (package / file).write_text(text)
        install(folder / name, folder / "site")
    return {"PYTHONPATH": str(folder / "site"), "DFBENCH_TRACKING": "off"}


def test_the_smallest_detector_plugin_is_small():
    lines = [line for text in (PROJECT, CARD, NETWORK) for line in text.splitlines() if line]
    assert len(lines) < 30


def test_it_is_listed_and_the_broken_one_with_its_reason(cli, site):
    rows = json.loads(cli("list", "detectors", "--json", env=site).stdout)["detectors"]
    assert {"tiny", "meso4", "r3d101"} <= {row["name"] for row in rows}
    (tiny,) = (row for row in rows if row["name"] == "tiny")
    assert (tiny["plugin"], tiny["input"], tiny["summary"]) == ("tiny", "frame", "the mean colour")
    plugins = {
        p["name"]: p
        for p in json.loads(cli("list", "plugins", "--json", env=site).stdout)["plugins"]
    }
    assert (plugins["tiny"]["distribution"], plugins["tiny"]["version"]) == ("dfbench-tiny", "1.2")
    assert plugins["wrong"]["broken"] is True
    assert "No module named 'a_module_that_is_not_there'" in plugins["wrong"]["summary"]
    assert [name for name, plugin in plugins.items() if plugin["broken"]] == ["wrong"]
    assert "wrong" not in cli("list", "plugins").stdout  # without PYTHONPATH it is not there


def test_it_runs(cli, site, make_video, tmp_path):
    for n in range(9):
        for kind, colour in (("real", 60), ("fake", 180)):
            make_video(
                tmp_path / "v" / kind / f"{n}.mp4",
                frames=6,
                size=(64, 64),
                draw=lambda _, c=colour, n=n: full(c + n),
            )
    done = cli(
        "run",
        "--detector",
        "tiny",
        "--dataset",
        "folder",
        "--data-root",
        tmp_path / "v",
        "--faces",
        "center",
        "--epochs",
        2,
        "--device",
        "cpu",
        "--workers",
        0,
        "--out",
        tmp_path / "out",
        "--json",
        env=site,
    )
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert run["status"] == "finished"
    assert run["spec"]["model"]["plugin"] == "dfbench-tiny"
    assert run["spec"]["model"]["plugin_version"] == "1.2"
    assert run["cost"]["parameters"] == 4
    assert run["coverage"] == 1.0
    assert len(list((tmp_path / "out").glob("folder/tiny/*/folder/*/result.json"))) == 1


def full(level: int):
    import numpy as np

    return np.full((64, 64, 3), level, np.uint8)
