"""The face store: lossless, atomic, never half written."""

from __future__ import annotations

import errno
import json
import random
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfbench.cards import ClipSpec
from dfbench.errors import DfbenchError, ResourceError, StoreError
from dfbench.store import FaceStore, StoredVideo, StoredWindow, fingerprint, store_key

KEY = "ab" + "c" * 62


@pytest.fixture
def crops() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"clip00/frame{t:02d}.png": rng.integers(0, 256, (24, 24, 3), np.uint8) for t in (0, 1)}


@pytest.fixture
def stored(crops) -> StoredVideo:
    window = StoredWindow([3, 4], [-2, 5, 24], [[1.5, 2, 9, 9]] * 2, [[[1, 2]] * 5] * 2, [0.9, 0],
                          list(crops))  # fmt: skip
    return StoredVideo("fake/é.mp4", "ok", "", "decord 0", "x 1", 50, 29.97, 64, 96, [window])


@pytest.fixture
def store(tmp_path, stored, crops) -> FaceStore:
    store = FaceStore(tmp_path / "faces")
    store.write(KEY, stored, crops)
    return store


def files(store: FaceStore) -> list[str]:
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


def test_round_trip_is_lossless(store, stored, crops):
    assert store.read(KEY) == stored
    assert store.open(KEY) == stored
    frames = store.frames(KEY, stored.windows[0])
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, np.stack(list(crops.values())))
    assert files(store) == [f"ab/{'c' * 62}.zip"]


def test_any_tool_can_open_it(store, crops):
    with zipfile.ZipFile(store.path(KEY)) as archive:
        assert json.loads(archive.read("video.json"))["schema"] == 1
        data = np.frombuffer(archive.read("clip00/frame01.png"), np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert np.array_equal(bgr[..., ::-1], crops["clip00/frame01.png"])


def test_equal_contents_are_equal_bytes(store, stored, crops, tmp_path):
    other = FaceStore(tmp_path / "other")
    other.write(KEY, stored, crops)
    assert other.path(KEY).read_bytes() == store.path(KEY).read_bytes()


def test_what_is_not_there(tmp_path):
    store = FaceStore(tmp_path)
    assert store.read(KEY) is None
    with pytest.raises(StoreError, match="prepare"):
        store.open(KEY)


def test_damage_is_never_taken_for_content(store, stored, crops):
    """Cut anywhere, or a bit turned anywhere: the same content, nothing, or StoreError."""
    whole, pick = store.path(KEY).read_bytes(), random.Random(0)
    for number in range(400):
        data = bytearray(whole)
        if number % 2:
            data = data[: pick.randrange(len(data))]
        else:
            data[pick.randrange(len(data))] ^= 1 << pick.randrange(8)
        store.path(KEY).write_bytes(data)
        read = store.read(KEY)
        assert read is None or read == stored
        try:
            frames = store.frames(KEY, stored.windows[0])
        except StoreError as error:
            assert str(store.path(KEY)) in str(error)  # noqa: PT017 - either way is right
        else:
            assert np.array_equal(frames, np.stack(list(crops.values())))


def test_a_damaged_file_is_replaced(store, stored, crops):
    whole = store.path(KEY).read_bytes()
    store.path(KEY).write_bytes(whole[:100])
    store.write(KEY, stored, crops)
    assert store.path(KEY).read_bytes() == whole


def test_a_newer_schema_is_refused_and_kept(store, stored, crops):
    store.write(KEY, replace(stored, schema=2), crops)
    before = store.path(KEY).read_bytes()
    with pytest.raises(StoreError, match=r"schema 2.*update dfbench"):
        store.read(KEY)
    assert store.path(KEY).read_bytes() == before


@pytest.mark.parametrize(
    ("code", "says"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "cannot be written")]
)
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    tmp_path, stored, crops, monkeypatch, code, says
):
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(code, "as the disk says")

    monkeypatch.setattr(Path, "write_bytes", half)
    store = FaceStore(tmp_path)
    with pytest.raises(ResourceError, match=says) as caught:
        store.write(KEY, stored, crops)
    assert "--cache" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(store) == []


def test_a_full_disk_keeps_the_file_that_was_there(store, stored, crops, monkeypatch):
    before = store.path(KEY).read_bytes()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ResourceError):
        store.write(KEY, replace(stored, detail="new"), crops)
    assert store.path(KEY).read_bytes() == before


def test_a_root_that_is_a_file_is_a_resource_error(tmp_path, stored, crops):
    (tmp_path / "faces").write_text("")
    with pytest.raises(DfbenchError, match="cannot be written"):
        FaceStore(tmp_path / "faces").write(KEY, stored, crops)


def test_pictures_can_be_read_beside_the_video_decoder():
    """decord brings a zlib that breaks an OpenCV loaded after it; dfbench loads them in order."""
    code = (
        "import dfbench.video, cv2, numpy as np; data = cv2.imencode('.png', np.eye(9, 9))[1]; "
        "assert cv2.imdecode(data, cv2.IMREAD_COLOR) is not None"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_key_holds_all_that_decides_what_is_stored():
    spec = ClipSpec(frames=4, windows=3)

    def key(content="v", faces="yunet 1", reader="decord 1", clip=spec) -> str:
        return store_key(content, faces, reader, clip)

    others = [
        key(content="w"), key(faces="yunet 2"), key(reader="decord 2"),
        key(clip=replace(spec, frames=5)), key(clip=replace(spec, stride=2)),
        key(clip=replace(spec, windows=4)),
    ]  # fmt: skip
    assert len({key(), *others}) == 7
    # Detectors differ in how they cut, not in what was found.
    assert key(clip=replace(spec, size=99, margin=1.1, align="similarity", mean=(1, 1, 1))) == key()


def test_the_fingerprint_sees_both_ends_and_the_size(tmp_path):
    path = tmp_path / "v"
    data = bytearray(random.Random(0).randbytes(300_000))
    seen = set()
    for change in (None, 0, -1, 65_535, -65_536):
        content = bytearray(data)
        if change is not None:
            content[change] ^= 1
        path.write_bytes(content)
        seen.add(fingerprint(path))
    path.write_bytes(data + b"x")
    assert len({*seen, fingerprint(path)}) == 6
    path.write_bytes(b"")
    assert fingerprint(path)
