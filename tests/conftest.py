"""What all tests share: isolation, real data beside the repository, small videos, the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from made_videos import VideoMaker
from repository import SHARED

import dfbench.cli

pytest.register_assert_rewrite("one_line", "tracked", "browser", "drawn_charts", "made_table")

LONGEST = ("test_matrix", "test_run", "test_run_datasets", "test_claims", "test_cache_life")
"""Files that take minutes: begun first, so that two processes of tests end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def isolate(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Cache, configuration and tracking below ``folder``; nothing of the user's is read."""
    for name in list(os.environ):
        if name.startswith("DFBENCH_") and not name.startswith("DFBENCH_TEST_"):
            patch.delenv(name)
    patch.setenv("DFBENCH_CACHE", str(folder / "cache"))
    patch.setenv("DFBENCH_CONFIG", str(folder / "config"))
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture(scope="session", autouse=True)
def _isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures that live longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, tmp_path_factory.mktemp("session"))
        yield


@pytest.fixture(autouse=True)
def _isolated(
    _isolated_session: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any
) -> None:
    """Each test has a home, and works in an empty folder, so it finds no ``dfbench.toml``."""
    home = tmp_path_factory.mktemp("home")
    isolate(monkeypatch, home)
    (home / "work").mkdir()
    monkeypatch.chdir(home / "work")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data and reference numbers that lie beside the repository."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("needs ../shared (real videos, weights, reference numbers), which is absent")
    return SHARED


@pytest.fixture(scope="session")
def make_video() -> VideoMaker:
    return VideoMaker()


@pytest.fixture(scope="session")
def ten_hours(make_video, tmp_path_factory) -> Path:
    """36,000 frames, one a second: a group of fifty over and over, coded once."""
    folder = tmp_path_factory.mktemp("long")
    group = make_video(folder / "group.mp4", frames=50, size=(32, 32), fps=1, g=50)
    path = folder / "long.mp4"
    with av.open(str(group)) as source, av.open(str(path), "w") as file:
        stream = file.add_stream_from_template(source.streams.video[0])
        coded = [
            (bytes(p), p.pts, p.dts, p.is_keyframe, p.time_base, p.duration)
            for p in source.demux(video=0)
            if p.size
        ]
        for turn in range(720):
            for data, pts, dts, key, base, duration in coded:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, key
                packet.pts = pts + 50 * turn * duration
                packet.dts = dts + 50 * turn * duration
                packet.duration = duration
                file.mux(packet)
    return path


@pytest.fixture(scope="session")
def command() -> Callable[..., Result]:
    """The command in this process: ``command("list", "faces")`` -> exit_code, stdout, stderr."""
    if not dfbench.cli.cli.commands:
        dfbench.cli._add_commands()

    def run(*args: object, **env: str) -> Result:
        return CliRunner().invoke(dfbench.cli.cli, [str(a) for a in args], env=env or None)

    return run


@pytest.fixture(scope="session")
def sample_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the sample in it, shared by all tests of a process: it is drawn once for all
    processes, and copied."""
    base = tmp_path_factory.getbasetemp()
    drawn = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "drawn"
    with FileLock(f"{drawn}.lock"):
        if not drawn.is_dir():
            command = [sys.executable, "-m", "dfbench", "prepare", "sample", "--limit", "1"]
            making = drawn.with_name("drawing")
            subprocess.run([*command, "--cache", str(making)], check=True, capture_output=True)
            making.rename(drawn)
    return shutil.copytree(drawn, tmp_path_factory.mktemp("sample-cache") / "cache")


Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli() -> Cli:
    """The installed command in a process of its own: ``cli("list", "plugins", env={...})``.
    Gives ``returncode``, ``stdout``, ``stderr``."""

    def run(
        *args: object,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dfbench", *map(str, args)]
        return subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
