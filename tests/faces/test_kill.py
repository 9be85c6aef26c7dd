"""``kill -9`` of the command, at random and at the worst moments: the store comes out the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfbench.faces.cache import listing, remove, to_prune

ASKED = ["prepare", "folder", "--faces", "center", "--detector", "meso4", "--json"]
VIDEOS = 80

# Imports take a second, ten times over; so one process has done with them, and forks itself for
# every command it is told: the child is then what `dfbench …` would be.
_NURSERY = """
import json, os, sys
import dfbench.cli, dfbench.running.plan, dfbench.running.videos, dfbench.faces.prepare
import dfbench.data.listing, dfbench.cli.terminal.display
for line in sys.stdin:
    args, worst = json.loads(line)
    child = os.fork()
    if not child:
        sys.stdin.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if worst:
            import signal
            from pathlib import Path
            def die(): os.kill(os.getpid(), signal.SIGKILL)
            write, replace = Path.write_bytes, Path.replace
            def half(path, data): write(path, data[: len(data) // 2]); die()
            def before(path, target): die()
            def after(path, target): replace(path, target); die()
            if worst == "half written": Path.write_bytes = half
            if worst == "before the rename": Path.replace = before
            if worst == "after the rename": Path.replace = after
        sys.argv = ["dfbench", *args]
        try:
            dfbench.cli.main()
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Start = Callable[..., Callable[[], int]]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """``start(args)`` begins a command and gives its pid and a function that waits for its end."""
    nursery = subprocess.Popen(
        [sys.executable, "-c", _NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert nursery.stdin
    assert nursery.stdout

    def begin(args: list[str], worst: str = "") -> tuple[int, Callable[[], int]]:
        nursery.stdin.write(json.dumps([args, worst]) + "\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline()), lambda: int(nursery.stdout.readline())

    yield begin
    nursery.stdin.close()
    nursery.wait(60)


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory) -> Path:
    """Many small videos of one content, told apart by a box at the end that players skip."""
    folder = tmp_path_factory.mktemp("videos")
    first = make_video(folder / "first.mp4", frames=32, size=(48, 32))
    for number in range(VIDEOS):
        path = folder / ("real" if number % 2 else "fake") / f"{number:02d}.mp4"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(first, path)
        with path.open("ab") as file:
            file.write(struct.pack(">I4s", 8 + number, b"free") + bytes(number))
    first.unlink()
    return folder


@pytest.fixture
def asked(videos, tmp_path) -> list[str]:
    return [*ASKED, "--data-root", str(videos), "--cache", str(tmp_path / "cache")]


@pytest.fixture(scope="module")
def in_one_go(start, videos, tmp_path_factory) -> dict[str, bytes]:
    """The store that was never interrupted."""
    cache = tmp_path_factory.mktemp("in one go")
    _, end = start([*ASKED, "--data-root", str(videos), "--cache", str(cache), "--workers", "1"])
    assert end() == 0
    made = contents(cache)
    assert len(made) == VIDEOS
    return made


def contents(cache: Path) -> dict[str, bytes]:
    root = cache / "faces"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def entries(cache: Path) -> int:
    return len(list((cache / "faces").glob("??/[0-9a-f]*.zip")))


def verified(cli, cache: Path) -> dict:
    done = cli("cache", "verify", "--cache", cache, "--json")
    return {"exit": done.returncode, **json.loads(done.stdout)}


def tidy(cache: Path) -> None:
    """What ``dfbench cache prune`` does: the files that killed processes were writing go."""
    found = listing(cache / "faces")
    remove(cache / "faces", [removal.file for removal in to_prune(found, [])])


def test_ten_kills_at_random_moments(start, asked, in_one_go, tmp_path, cli):
    cache, moment, killed, seen = tmp_path / "cache", random.Random(), 0, []
    for _ in range(10):
        pid, end = start([*asked, "--workers", "1"])
        before, until = entries(cache), time.monotonic() + 30
        while entries(cache) == before and time.monotonic() < until:  # let it get to work
            time.sleep(0.001)
        time.sleep(moment.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        killed += end() == -signal.SIGKILL
        seen.append(entries(cache))
    assert killed == 10
    assert seen == sorted(set(seen))  # every one got on from where the last had stopped
    assert seen[-1] < VIDEOS
    _, end = start([*asked, "--workers", "1"])
    assert end() == 0
    assert verified(cli, cache)["exit"] == 0
    tidy(cache)
    assert contents(cache) == in_one_go


@pytest.mark.parametrize("worst", ["half written", "before the rename", "after the rename"])
def test_killed_at_the_worst_moment(start, asked, in_one_go, tmp_path, worst):
    cache, few = tmp_path / "cache", [*asked, "--workers", "1", "--limit", "3"]
    _, end = start(few, worst)
    assert end() == -signal.SIGKILL
    assert entries(cache) == (worst == "after the rename")
    _, end = start(few)
    assert end() == 0
    left = set(contents(cache)) - set(in_one_go)
    assert len(left) == (worst != "after the rename")
    tidy(cache)
    made = contents(cache)
    assert len(made) == 9
    assert made.items() <= in_one_go.items()


def test_the_workers_of_a_killed_command_leave_nothing_behind(start, asked, in_one_go, tmp_path):
    """Only the command is killed, as by a scheduler: its workers end, and the next one goes on."""
    cache = tmp_path / "cache"
    pid, end = start([*asked, "--workers", "2"])
    until = time.monotonic() + 60
    while not entries(cache) and time.monotonic() < until:
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    assert end() == -signal.SIGKILL
    _, end = start([*asked, "--workers", "2"])
    assert end() == 0
    made = contents(cache)
    assert {name: made[name] for name in in_one_go} == in_one_go


def test_a_file_cut_short_by_hand_is_found_and_made_again(start, asked, in_one_go, tmp_path, cli):
    cache = tmp_path / "cache"
    for name, data in in_one_go.items():
        (cache / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / "faces" / name).write_bytes(data)
    assert verified(cli, cache)["exit"] == 0
    cut, gone, *_ = sorted(in_one_go)
    (cache / "faces" / cut).write_bytes(in_one_go[cut][:-1000])
    (cache / "faces" / gone).unlink()
    found = verified(cli, cache)
    assert found["exit"] == 1
    assert Path(cut).name in json.dumps(found)
    _, end = start([*asked, "--workers", "1"])
    assert end() == 0
    assert contents(cache) == in_one_go
