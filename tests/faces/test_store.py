"""The face store: lossless unless asked, atomic, never half written, open to any tool."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfbench.catalogue.cards import ClipSpec
from dfbench.errors import DfbenchError, ResourceError, StoreError
from dfbench.faces import audit
from dfbench.faces import codec as coding
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.store import FaceStore, store_key
from dfbench.video.fingerprint import fingerprint

KEY = "ab" + "c" * 62


@pytest.fixture
def crops() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"clip00/frame{t:02d}.png": rng.integers(0, 256, (24, 24, 3), np.uint8) for t in (0, 1)}


@pytest.fixture
def stored(crops) -> StoredVideo:
    window = StoredWindow(
        [3, 4], [-2, 5, 24], [[1.5, 2, 9, 9]] * 2, [[[1, 2]] * 5] * 2, [0.9, 0], list(crops)
    )
    return StoredVideo("fake/é.mp4", "ok", "", "decord 0", "x 1", 50, 29.97, 64, 96, [window])


def named(stored: StoredVideo, ending: str, **changes) -> StoredVideo:
    """``stored`` as it is read: the store gives the pictures their endings."""
    windows = [
        replace(w, files=[f.replace(".png", ending) for f in w.files]) for w in stored.windows
    ]
    return replace(stored, windows=windows, **changes)


@pytest.fixture
def store(tmp_path, stored, crops) -> FaceStore:
    store = FaceStore(tmp_path / "faces")
    store.write(KEY, stored, crops)
    return store


def files(store: FaceStore) -> list[str]:
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


def test_round_trip_is_lossless(store, stored, crops):
    assert store.read(KEY) == store.open(KEY) == named(stored, ".webp")
    frames = store.frames(KEY, store.open(KEY).windows[0])
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, np.stack(list(crops.values())))
    assert files(store) == [f"ab/{'c' * 62}.zip"]


def test_any_tool_can_open_it(store, crops):
    with zipfile.ZipFile(store.path(KEY)) as archive:
        about = json.loads(archive.read("video.json"))
        assert (about["schema"], about["quality"]) == (2, "lossless")
        data = np.frombuffer(archive.read(about["windows"][0]["files"][1]), np.uint8)
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
    file = audit.File(store.path(KEY), len(whole), 0)
    for number in range(400):
        data = bytearray(whole)
        if number % 2:
            data = data[: pick.randrange(len(data))]
        else:
            data[pick.randrange(len(data))] ^= 1 << pick.randrange(8)
        store.path(KEY).write_bytes(data)
        read = store.read(KEY)
        assert read is None or read == named(stored, ".webp")
        try:
            ((_, frames),) = store.clips(KEY, [0])
        except StoreError as error:
            assert str(store.path(KEY)) in str(error)  # noqa: PT017 - either way is right
            assert audit.look_at(file, whole=True).state == "damaged"
        else:
            assert np.array_equal(frames, np.stack(list(crops.values())))
            assert audit.look_at(file, whole=True).state == "ok"


def test_a_damaged_file_is_replaced(store, stored, crops):
    whole = store.path(KEY).read_bytes()
    store.path(KEY).write_bytes(whole[:100])
    store.write(KEY, stored, crops)
    assert store.path(KEY).read_bytes() == whole


def test_a_newer_schema_is_refused_and_kept(store, stored, crops):
    store.write(KEY, replace(stored, schema=3), crops)
    before = store.path(KEY).read_bytes()
    with pytest.raises(StoreError, match=r"schema 3.*update dfbench"):
        store.read(KEY)
    with pytest.raises(StoreError, match="update dfbench"):
        list(store.clips(KEY, [0]))
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


def test_a_write_that_the_disk_breaks_off_leaves_nothing(tmp_path):
    """No stand-in for the disk: the system itself stops the write in the middle of the file."""
    code = (
        "import resource, sys, numpy as np; from pathlib import Path\n"
        "from dfbench.errors import ResourceError; from dfbench.faces.store import *\n"
        "from dfbench.faces.file import StoredVideo\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)\n"
        "try: FaceStore(Path(sys.argv[1])).write('ab' * 32, StoredVideo('v', 'ok', '', '', ''),"
        " {'a': crop})\n"
        "except ResourceError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in done.stdout, done.stderr
    assert files(FaceStore(tmp_path)) == []


def test_a_process_killed_while_it_writes_leaves_the_store_as_it_was(store):
    """``kill -9`` in the middle of the write: what was there stays, nothing half is read."""
    code = (
        "import os, signal, sys, numpy as np; from pathlib import Path\n"
        "from dfbench.faces.store import *; write = Path.write_bytes\n"
        "from dfbench.faces.file import StoredVideo\n"
        "def half(path, data):\n"
        "    write(path, data[:len(data) // 2]); os.kill(os.getpid(), signal.SIGKILL)\n"
        "Path.write_bytes = half\n"
        "FaceStore(Path(sys.argv[1])).write(sys.argv[2], StoredVideo('v', 'ok', '', '', ''), {})"
    )
    before = store.path(KEY).read_bytes()
    for key in (KEY, "cd" * 32):
        done = subprocess.run([sys.executable, "-c", code, str(store.root), key], check=False)
        assert done.returncode == -9
    assert store.path(KEY).read_bytes() == before
    assert store.read("cd" * 32) is None
    assert len(files(store)) == 3  # two that were being written; `dfbench cache prune` has them


def test_a_root_that_is_a_file_is_a_resource_error(tmp_path, stored, crops):
    (tmp_path / "faces").write_text("")
    with pytest.raises(DfbenchError, match="cannot be written"):
        FaceStore(tmp_path / "faces").write(KEY, stored, crops)


def test_pictures_can_be_read_beside_the_video_decoder():
    """decord brings a zlib that breaks an OpenCV loaded after it; dfbench loads them in order."""
    code = (
        "import dfbench.video.reader, cv2, numpy as np; "
        "data = cv2.imencode('.png', np.eye(9, 9))[1]; "
        "assert cv2.imdecode(data, cv2.IMREAD_COLOR) is not None"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_key_holds_all_that_decides_what_is_stored():
    spec = ClipSpec(frames=4, windows=3)

    def key(content="v", faces="yunet 1", reader="decord 1", clip=spec) -> str:
        return store_key(content, faces, reader, clip)

    others = [
        key(content="w"),
        key(faces="yunet 2"),
        key(reader="decord 2"),
        key(clip=replace(spec, frames=5)),
        key(clip=replace(spec, stride=2)),
        key(clip=replace(spec, windows=4)),
    ]
    assert len({key(), *others}) == 7
    # Detectors differ in how they cut, not in what was found.
    assert key(clip=replace(spec, size=99, margin=1.1, align="similarity", mean=(1, 1, 1))) == key()


def test_what_an_earlier_dfbench_stored_is_found_and_read(tmp_path, stored, crops):
    """Schema 1: PNG crops, clips without a number, no quality; and a field that nobody knows."""
    store, spec = FaceStore(tmp_path), ClipSpec(frames=4, windows=3)
    parts = [1, "v", "yunet 1", "decord 1", [4, 1, 3, 1.8, 384]]
    key = store.key("v", "yunet 1", "decord 1", spec)
    assert key == hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    about = asdict(replace(stored, windows=stored.windows * 2, schema=1)) | {"mood": "good"}
    del about["quality"]
    for window in about["windows"]:
        del window["clip"]
        window["colour"] = "red"
    store.path(key).parent.mkdir(parents=True)
    with zipfile.ZipFile(store.path(key), "w") as archive:
        archive.writestr("video.json", json.dumps(about))
        for name, image in crops.items():
            archive.writestr(name, cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    read = store.open(key)
    assert (read.schema, read.quality) == (1, "lossless")
    assert read.windows == [replace(stored.windows[0], clip=n) for n in (0, 1)]
    for _, frames in store.clips(key, [1, 0]):
        assert np.array_equal(frames, np.stack(list(crops.values())))
    assert audit.look_at(audit.File(store.path(key), 0, 0), whole=True).state == "ok"


def scene() -> np.ndarray:
    """A picture [128, 128, 3] as smooth as a face, with an edge of colour and some grain."""
    y, x = np.mgrid[:128, :128]
    image = np.stack([100 + x / 2, 80 + y / 2, 90 + (x + y) / 4], -1)
    image[(x - 64) ** 2 + (y - 64) ** 2 < 40**2] += (60, 0, -40)
    noise = np.random.default_rng(0).normal(0, 2, (128, 128, 1))
    return (image + noise).round().clip(0, 255).astype(np.uint8)


def test_a_lossy_store_is_smaller_and_nearly_the_same(tmp_path, stored):
    names = stored.windows[0].files
    pictures = {name: np.roll(scene(), n, 1) for n, name in enumerate(names)}
    exact, lossy = FaceStore(tmp_path), FaceStore(tmp_path, lossy=True)
    keys = [store.key("v", "yunet 1", "decord 1", ClipSpec()) for store in (exact, lossy)]
    assert len(set(keys)) == 2  # what is lossy is never taken for what is not
    for store, key in zip((exact, lossy), keys, strict=True):
        store.write(key, stored, pictures)
    assert lossy.open(keys[1]) == named(stored, ".jpg", quality="jpeg95")
    assert lossy.path(keys[1]).stat().st_size < 0.75 * exact.path(keys[0]).stat().st_size
    # Either kind of store reads what is there.
    (_, same), (_, near) = *lossy.clips(keys[0], [0]), *exact.clips(keys[1], [0])
    original = np.stack(list(pictures.values()))
    assert np.array_equal(same, original)
    error = near.astype(float) - original
    assert 0 < (error**2).mean() < 255**2 / 10**4  # better than 40 dB, grain and all
    # Colour is kept at full resolution: halved, the edge of colour would be off by 32.
    assert np.abs(error).max() < 24


def test_pictures_of_any_kind_say_their_size():
    image = np.zeros((6, 9, 3), np.uint8)
    png = cv2.imencode(".png", image)[1].tobytes()
    for data in (coding.encode(image, "lossless"), coding.encode(image, "jpeg95"), png):
        assert coding.size(data) == (9, 6)
        assert coding.decode(data).shape == (6, 9, 3)
    for data in (b"", b"text", png[:20]):
        with pytest.raises(ValueError, match="picture"):
            coding.size(data)
        with pytest.raises(ValueError, match="picture"):
            coding.decode(data)


def test_several_clips_are_read_with_one_opening(store, stored, crops, monkeypatch):
    key = "cd" * 32
    windows = [replace(stored.windows[0], clip=n, files=[name]) for n, name in enumerate(crops)]
    store.write(key, replace(stored, windows=windows), crops)
    opened: list[Path] = []

    class Counting(zipfile.ZipFile):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr("dfbench.faces.store.zipfile.ZipFile", Counting)
    read = list(store.clips(key, [1, 0]))
    assert opened == [store.path(key)]
    assert [window.clip for window, _ in read] == [1, 0]
    for (_, frames), name in zip(read, reversed(crops), strict=True):
        assert np.array_equal(frames, crops[name][None])
    for asked in (("ef" * 32, [0]), (key, [2])):
        with pytest.raises(StoreError, match="mend"):
            list(store.clips(*asked))


def test_use_leaves_its_mark_once_a_day(store):
    """By which ``cache prune --older-than`` goes."""
    path, now = store.path(KEY), time.time()
    for age, marked in ((10 * 86400, True), (3600, False)):
        os.utime(path, (now - age, now - age))
        store.read(KEY)
        assert (path.stat().st_mtime > now - 60) is marked


def test_a_cache_that_may_only_be_read_is_read(store, stored, monkeypatch):
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    os.utime(store.path(KEY), (0, 0))
    monkeypatch.setattr(os, "utime", read_only)
    monkeypatch.setattr(Path, "write_bytes", read_only)
    assert store.read(KEY) == named(stored, ".webp")
    with pytest.raises(ResourceError, match=r"Read-only file system.*--cache"):
        store.write(KEY, stored, {})


def test_a_pipe_has_no_fingerprint_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "v.mp4")
    with pytest.raises(OSError, match="neither a file nor a folder"):
        fingerprint(tmp_path / "v.mp4")


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
