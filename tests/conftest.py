"""What all tests share: isolation, real data beside the repository, small videos, the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

import dfbench.cli

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
LONGEST = ("test_matrix", "test_run", "test_claims", "test_cache")
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


class VideoMaker:
    """Writes small videos whose frames carry their number."""

    def __call__(
        self,
        path: Path,
        frames: int = 40,
        size: tuple[int, int] = (96, 64),
        fps: int = 25,
        codec: str = "libx264",
        rotate: int = 0,
        draw: Callable[[int], np.ndarray] | None = None,
        times: Callable[[int], int] | None = None,
        muxer: dict[str, str] | None = None,
        **options: Any,
    ) -> Path:
        """``size`` is (width, height) as coded; ``rotate`` (degrees) turns it for the player.
        ``draw(n)`` gives a whole picture instead, ``times(n)`` the millisecond it is shown at;
        ``muxer`` and ``options`` are the container's and the encoder's, e.g. ``g=1``."""
        width, height = size
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", options=muxer or {}) as file:
            stream = file.add_stream(
                codec, rate=fps, options={k: str(v) for k, v in options.items()}
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            if rotate:
                stream.set_display_rotation(rotate)
            if times:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(frames):
                image = draw(number) if draw else self.paint(number, size)
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                if times:
                    picture.pts, picture.time_base = times(number), Fraction(1, 1000)
                file.mux(stream.encode(picture))
            file.mux(stream.encode())
        return path

    @staticmethod
    def paint(number: int, size: tuple[int, int]) -> np.ndarray:
        """The number's low digit (base 16) as brightness on the left, the high one on the right."""
        width, height = size
        image = np.empty((height, width, 3), np.uint8)
        image[:, : width // 2] = 30 + 12 * (number % 16)
        image[:, width // 2 :] = 30 + 12 * (number // 16)
        return image

    @staticmethod
    def number(image: np.ndarray) -> int:
        """The number that ``paint`` put into a picture."""
        width = image.shape[1]
        low, high = image[:, 4 : width // 2 - 4], image[:, width // 2 + 4 : -4]
        return round((low.mean() - 30) / 12) + 16 * round((high.mean() - 30) / 12)


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
