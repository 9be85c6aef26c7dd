"""The life of a face store: killed, damaged, mended, and the same as one made in one go."""

from __future__ import annotations

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stores_in_use import files, look, prepared, turn_a_bit

from dfbench.faces import audit, cache
from dfbench.faces.store import FaceStore

_PREPARE = """
import sys
from pathlib import Path
from stores_in_use import prepared
prepared(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.fixture
def videos(make_video, tmp_path) -> Path:
    """Forty videos of one content, told apart by a box at the end that players skip."""
    folder = tmp_path / "videos"
    first = make_video(folder / "00.mp4", frames=30, size=(320, 240))
    for number in range(1, 40):
        shutil.copy(first, folder / f"{number:02d}.mp4")
        with (folder / f"{number:02d}.mp4").open("ab") as file:
            file.write(struct.pack(">I4s", 8 + number, b"free") + bytes(number))
    return folder


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in files(root)}


def test_a_prepare_killed_ten_times_ends_as_one_made_in_one_go(videos, tmp_path):
    """``kill -9`` at random moments, of the workers too: the store is the same, byte for byte."""
    root, moment, killed = tmp_path / "faces", random.Random(0), 0
    command = [sys.executable, "-c", _PREPARE, str(videos), str(root)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    for number in range(10):
        process = subprocess.Popen([*command, str(1 + number % 2)], env=env, start_new_session=True)
        before, deadline = len(files(root)), time.monotonic() + 60
        while process.poll() is None and len(files(root)) == before and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(moment.uniform(0, 0.03))
        os.killpg(process.pid, signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed == 10
    assert prepared(videos, root) == ["ok"] * 40
    assert {state for state, _ in look(FaceStore(root)).values()} == {"ok"}
    cache.remove(root, [item.file for item in cache.to_prune(cache.listing(root), [])])
    prepared(videos, tmp_path / "in one go")
    assert contents(root) == contents(tmp_path / "in one go")


def test_a_damaged_file_is_made_again(videos, tmp_path):
    """Cut short it is found by the next run; with a bit turned, by ``verify --mend``."""
    store = FaceStore(tmp_path / "faces")
    prepared(videos, store.root)
    whole = contents(store.root)
    short, turned = sorted(files(store.root))[:2]
    short.write_bytes(short.read_bytes()[:-1000])
    turn_a_bit(turned, "clip02/frame03.webp")
    prepared(videos, store.root)
    assert {path for path, (state, _) in look(store).items() if state == "damaged"} == {turned}
    cache.remove(
        store.root,
        [
            e.file
            for e in audit.look(cache.listing(store.root).entries, True)
            if e.state == "damaged"
        ],
    )
    prepared(videos, store.root)
    assert contents(store.root) == whole
