"""``dfbench cache``: what lies there is counted, damage is found, and only what may go goes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from stores_in_use import files, look, turn_a_bit

from dfbench.catalogue.reporter import Reporter
from dfbench.errors import ResourceError
from dfbench.faces import audit, cache
from dfbench.faces import codec as coding
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.store import HOST, FaceStore

DAY = 86400
CROP = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
WINDOW = StoredWindow(
    [7, 8],
    [0, 0, 16],
    [[1, 2, 9, 9]] * 2,
    [[[1, 2]] * 5] * 2,
    [1, 0.5],
    ["clip00/frame00", "clip00/frame01"],
)
VIDEO = StoredVideo("v", "ok", "", "pyav 1", "yunet 1", windows=[WINDOW])


def key(number: int) -> str:
    return f"{number:02x}" * 32


def put(store: FaceStore, number: int, video: StoredVideo = VIDEO, days: float = 0) -> Path:
    """A file of the store, last used so many days ago."""
    crops = dict.fromkeys((f for w in video.windows for f in w.files), CROP)
    store.write(key(number), video, crops)
    path = store.path(key(number))
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "the cache"


@pytest.fixture
def store(place) -> FaceStore:
    return FaceStore(place / "faces")


# --- info -----------------------------------------------------------------------------------


def test_info_counts_by_kind_and_by_how_the_faces_were_made(place, store, cli):
    lossy = FaceStore(store.root, lossy=True)
    paths = [
        put(store, 0),
        put(store, 1, replace(VIDEO, faces="yunet 1 of real/a")),
        put(store, 2, replace(VIDEO, status="no_face", windows=[])),
        put(lossy, 3),
    ]
    paths[0].with_name("notes.txt").write_text("mine")
    (place / "weights" / "x").mkdir(parents=True)
    (place / "weights" / "x" / "w.pt").write_bytes(bytes(1234))
    report = cache.info(place, 1, Reporter())
    assert report["weights"] == {"folder": str(place / "weights"), "files": 1, "bytes": 1234}
    assert report["datasets"]["files"] == 0
    faces = report["faces"]
    assert (faces["files"], faces["foreign"]) == (4, 1)
    assert faces["bytes"] == sum(path.stat().st_size for path in paths)
    assert [
        (r["faces"], r["reader"], r["quality"], r["files"], r["status"]) for r in faces["made with"]
    ] == [
        ("yunet 1", "pyav 1", "jpeg95", 1, {"ok": 1}),
        ("yunet 1", "pyav 1", "lossless", 3, {"no_face": 1, "ok": 2}),
    ]
    paths[2].write_bytes(b"PK")
    done = cli("cache", "info", "--cache", place, "--json")
    assert {"damaged": 1} in [r["status"] for r in json.loads(done.stdout)["faces"]["made with"]]
    shown = cli("cache", "info", env={"DFBENCH_CACHE": str(place)}).stdout
    assert "yunet 1" in shown
    assert "1.2 kB" in shown


def test_a_cache_that_is_not_there_is_empty(tmp_path, cli):
    assert cli("cache", "info", "--cache", tmp_path / "none").returncode == 0
    assert "0 files, 0 wrong" in cli("cache", "verify", "--cache", tmp_path / "none").stdout
    assert not (tmp_path / "none").exists()


# --- verify ---------------------------------------------------------------------------------


def test_verify_finds_damage_and_mend_removes_it(place, store, cli):
    put(store, 0)
    flipped, short = put(store, 1), put(store, 2)
    turn_a_bit(flipped, "clip00/frame01.webp")
    short.write_bytes(short.read_bytes()[:-1])
    before = files(store.root)
    done = cli("cache", "verify", "--cache", place)
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == [
        str(flipped),
        str(short),
    ]
    assert "error: 2 files" in done.stderr
    assert "--mend" in done.stderr
    assert files(store.root) == before
    done = cli("cache", "verify", "--mend", "--cache", place, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["files"], told["mended"]) == (0, 3, 2)
    assert [row["state"] for row in told["wrong"]] == ["damaged"] * 2
    assert files(store.root) == before - {flipped, short}
    assert cli("cache", "verify", "--cache", place).returncode == 0


def packed(path: Path, about: dict, pictures: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("video.json", json.dumps(about))
        for name, image in pictures.items():
            archive.writestr(name, coding.encode(image, "lossless"))


def test_what_a_description_lacks_is_told_as_such(store):
    about = asdict(VIDEO)
    del about["windows"]
    packed(store.path(key(0)), about, {})
    assert list(look(store).values()) == [("damaged", "KeyError: 'windows'")]


@pytest.mark.parametrize(
    ("change", "pictures", "says"),
    [
        ({}, {}, "lacks its picture clip00/frame00"),
        ({}, {"clip00/frame00": CROP, "clip00/frame01": CROP[:8, :8]}, "not of one size"),
        ({}, {"clip00/frame00": CROP[:8], "clip00/frame01": CROP[:8]}, "not square"),
        ({"files": ["clip00/frame00"]}, {"clip00/frame00": CROP}, "1 pictures for 2 frames"),
        ({"scores": [1.0]}, {"clip00/frame00": CROP, "clip00/frame01": CROP}, "shapes"),
        ({"boxes": [[1, 2, 3, 4], [1, 2]]}, {}, "inhomogeneous"),
        ({"files": []}, {}, "no clip"),
    ],
)
def test_a_whole_zip_with_the_wrong_things_in_it_is_damage(store, change, pictures, says):
    about = asdict(replace(VIDEO, windows=[replace(WINDOW, **change)]))
    packed(store.path(key(0)), about, pictures)
    ((state, why),) = look(store).values()
    assert state == "damaged"
    assert says in why
    ((state, _),) = look(store, whole=False).values()
    assert state == "ok"  # it takes a reading of all of it


def test_a_newer_file_is_no_damage_and_stays(place, store, cli):
    path = put(store, 0, replace(VIDEO, schema=99), days=999)
    done = cli("cache", "verify", "--mend", "--cache", place)
    assert (done.returncode, "newer: 1" in done.stdout) == (0, True)
    entries = audit.look(cache.listing(store.root).entries, whole=False)
    assert cache.to_prune(cache.listing(store.root), entries, older_than=1) == []
    assert path.exists()


def test_a_file_that_may_not_be_read_is_wrong_but_not_removed(store, monkeypatch):
    path = put(store, 0)
    opened = Path.open

    def refused(self: Path, *args, **kw):
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(self, *args, **kw)

    monkeypatch.setattr(Path, "open", refused)
    assert look(store) == {path: ("unreadable", "cannot be opened: Permission denied")}
    found = cache.listing(store.root)
    assert cache.to_prune(found, audit.look(found.entries, whole=False), older_than=0) == []


def test_many_files_are_looked_at_in_parallel_in_their_order(store):
    first = put(store, 0)
    for number in range(1, 700):
        path = store.path(f"{number % 256:02x}{number:062x}")
        path.parent.mkdir(exist_ok=True)
        os.link(first, path)
    broken = store.path(f"{200:02x}{200:062x}")
    broken.unlink()
    broken.write_bytes(b"")
    found, steps = cache.listing(store.root).entries, []
    two = audit.look(found, whole=True, workers=2, advance=steps.append)
    assert [entry.file for entry in two] == found
    assert sum(steps) == len(found) == 700
    assert [entry.file.path for entry in two if entry.state != "ok"] == [broken]
    assert two == audit.look(found, whole=True)


def test_a_file_that_goes_meanwhile_is_passed_over(store):
    put(store, 0)
    found = cache.listing(store.root)
    store.path(key(0)).unlink()
    assert audit.look(found.entries, whole=True) == []


# --- prune ----------------------------------------------------------------------------------


def writing(store: FaceStore, number: int, end: str, age: float = 0) -> Path:
    path = store.path(key(number))
    path = path.with_name(f".{path.name}.{end}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def pruned(store: FaceStore, **asked) -> set[Path]:
    found = cache.listing(store.root)
    entries = audit.look(found.entries, whole=False)
    return {item.file.path for item in cache.to_prune(found, entries, **asked)}


def test_what_killed_processes_left_goes_and_what_is_being_written_stays(store):
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    gone = int(ended.stdout)
    left = {
        writing(store, 0, f"{HOST}.{gone}"),
        writing(store, 1, f"{HOST}.{os.getpid()}", age=4000),
        writing(store, 2, f"elsewhere.{gone}", age=4000),
        writing(store, 3, str(gone), age=4000),  # as an earlier dfbench named them
    }
    writing(store, 4, f"{HOST}.{os.getpid()}")
    writing(store, 5, f"elsewhere.{gone}")
    writing(store, 6, str(gone))
    assert pruned(store) == left


def test_prune_takes_what_is_asked_for(store):
    new, old = put(store, 0), put(store, 1, days=40)
    other = put(store, 2, replace(VIDEO, faces="yunet 10"), days=40)
    named = put(store, 3, replace(VIDEO, faces="yunet-like 1"), days=40)
    taken = put(store, 4, replace(VIDEO, faces="yunet 1 of real/a"), days=40)
    damaged = put(store, 5)
    damaged.write_bytes(damaged.read_bytes()[:-30])
    assert pruned(store) == {damaged}
    assert pruned(store, older_than=30) == {old, other, named, taken, damaged}
    assert pruned(store, older_than=50) == {damaged}
    assert pruned(store, faces="yunet 1") == {new, old, taken, damaged}
    assert pruned(store, faces="yunet") == {new, old, other, taken, damaged}
    assert pruned(store, faces="yunet 1", older_than=30) == {old, taken, damaged}


def test_nothing_outside_the_store_is_touched(store, tmp_path):
    """Links are not followed, files of other names are not ours."""
    outside = tmp_path / "outside" / "ab"
    outside.mkdir(parents=True)
    victim = outside / f"{'c' * 62}.zip"
    victim.write_bytes(b"not a store's")
    mine = put(store, 0)
    store.root.joinpath("ab").symlink_to(outside, target_is_directory=True)
    mine.with_name(f"{'d' * 62}.zip").symlink_to(victim)
    mine.with_name("notes.txt").write_text("mine")
    mine.with_name(f"{'e' * 62}.zip.bak").write_text("mine")
    store.root.joinpath("readme").write_text("mine")
    before = files(tmp_path)
    found = cache.listing(store.root)
    assert [file.path for file in found.entries] == [mine]
    assert len(found.foreign) == 5
    assert pruned(store, older_than=0) == {mine}
    cache.remove(store.root, found.entries)
    assert files(tmp_path) == before - {mine}


def test_a_store_behind_a_link_is_the_user_s_own_choice(place, tmp_path):
    disk = FaceStore(tmp_path / "big disk")
    put(disk, 0)
    place.mkdir()
    (place / "faces").symlink_to(disk.root)
    assert len(cache.listing(place / "faces").entries) == 1


def test_the_command_prunes(place, store, cli, tmp_path):
    new, old = put(store, 0), put(store, 1, days=40)
    left = writing(store, 2, "elsewhere.1", age=4000)
    done = cli("cache", "prune", "--older-than", "30", "--dry-run", "--cache", place, "--json")
    told = json.loads(done.stdout)
    assert {row["file"] for row in told["removed"]} == {str(old), str(left)}
    assert (told["dry_run"], files(store.root)) == (True, {new, old, left})
    # What dfbench.toml or a variable says of the runs' face detector must not delete its clips.
    (tmp_path / "dfbench.toml").write_text('faces = "yunet"\n')
    env = {"DFBENCH_FACES": "yunet"}
    done = cli("cache", "prune", "--older-than", "30", "--cache", place, cwd=tmp_path, env=env)
    assert (done.returncode, files(store.root)) == (0, {new})
    assert "removed 2 files" in done.stdout
    done = cli("cache", "prune", "--cache", place, cwd=tmp_path, env=env)
    assert (done.returncode, files(store.root)) == (0, {new})
    done = cli("cache", "prune", "--faces", "yunet", "--cache", place)
    assert (done.returncode, files(store.root)) == (0, set())


def test_a_disk_that_lets_nothing_be_removed_is_one_line(store, monkeypatch):
    put(store, 0)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.raises(ResourceError, match=r"Read-only file system.*--cache"):
        cache.remove(store.root, cache.listing(store.root).entries)


def test_a_store_that_cannot_be_listed_is_one_line(place, cli):
    place.mkdir()
    (place / "faces").write_text("")
    done = cli("cache", "verify", "--cache", place)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "cannot be listed" in done.stderr
