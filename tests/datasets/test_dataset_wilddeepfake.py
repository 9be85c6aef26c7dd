"""WildDeepfake: one record a face sequence, whatever way the archives were unpacked."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.listing import Listing, read_dataset
from dfbench.data.splits import check_classes, count
from dfbench.errors import DataError
from dfbench_wilddeepfake.records import FOLDERS, UNPACK, records


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def frames(root: Path, folder: str, number: int = 2) -> None:
    touch(root, *(f"{folder}/{n}.png" for n in range(number)))


@pytest.fixture
def root(tmp_path) -> Path:
    """Ten source videos a class to train on, two to test, three sequences of each."""
    root = tmp_path / "deepfake_in_the_wild"
    for name in FOLDERS:
        kind = name.partition("_")[0]
        for video in range(10 if name.endswith("train") else 2):
            for sequence in range(3):
                frames(root, f"{name}/{video}/{kind}/{sequence}")
    return root


def listing(root: Path, cache: Path) -> Listing:
    return read_dataset("wilddeepfake", open_catalogue(), {"wilddeepfake": root}, cache)


def test_the_official_test_is_held_out_and_validation_cut_by_source_video(root, tmp_path):
    """Fault 2: no split is used twice."""
    found = listing(root, tmp_path / "cache")
    assert found.own_split
    assert found.card.faces == "center"
    assert dict(found.card.counts) == {"real": 3805, "fake": 3509}
    assert count(found.records) == {"videos": 72, "real": 36, "fake": 36}
    assert {r.id.split("/")[0] for r in found.of("test")} == {"real_test", "fake_test"}
    assert {r.id.split("/")[0] for r in found.of("train", "val")} == {"real_train", "fake_train"}
    groups = {split: {r.group for r in found.of(split)} for split in ("train", "val", "test")}
    assert {split: len(names) for split, names in groups.items()} == {
        "train": 16,
        "val": 4,
        "test": 4,
    }
    assert not groups["train"] & groups["val"]
    assert "disjoint" in found.note
    for split in groups:
        check_classes(found.records, split, "wilddeepfake")


def test_a_record_is_a_folder_of_pictures(root):
    found = {r.id: r for r in records(root)}
    real, fake = found["real_train/3/real/1"], found["fake_test/0/fake/2"]
    assert (real.label, real.method, real.group) == (0, None, "real_train/3")
    assert (fake.label, fake.method, fake.group) == (1, "wild", "fake_test/0")
    assert fake.split == "test"
    assert real.path == root / "real_train/3/real/1"
    assert all(r.path == root / r.id for r in found.values())


def test_the_harness_reads_such_a_folder(root):
    cv2 = pytest.importorskip("cv2")
    from dfbench.video.pictures import Pictures, is_pictures

    folder = root / "real_train/3/real/1"
    for n in range(12):
        cv2.imwrite(str(folder / f"{n}.png"), np.full((8, 8, 3), n, np.uint8))
    record = {r.id: r for r in records(root)}["real_train/3/real/1"]
    assert is_pictures(record.path)
    video = Pictures(record.path)
    assert [int(video.frame(n)[0, 0, 0]) for n in range(len(video))] == list(range(12))


@pytest.mark.parametrize(
    ("folder", "id", "group"),
    [
        ("real_train/77/real/5", "real_train/77/real/5", "real_train/77"),
        ("real_train/77/77/real/5", "real_train/77/real/5", "real_train/77"),
        ("real_train/extracted/77/real/5", "real_train/77/real/5", "real_train/77"),
        ("real_train/real_train/77/real/5", "real_train/77/real/5", "real_train/77"),
        ("real_train/77/5", "real_train/77/real/5", "real_train/77"),
        ("real_train/77/real/5/cut", "real_train/77/real/5/cut", "real_train/77"),
        ("real_train/77", "real_train/77/real", "real_train/77"),
        ("real_train/77/real", "real_train/77/real", "real_train/77"),
        ("real_train/ü 7/real/5", "real_train/ü 7/real/5", "real_train/ü 7"),
    ],
)
def test_a_level_more_or_less(root, folder, id, group):
    frames(root, folder)
    found = {r.path: r for r in records(root)}
    assert (found[root / folder].id, found[root / folder].group) == (id, group)
    assert len(found) == 73


def test_what_lies_about_is_no_sequence(root):
    touch(
        root,
        "real_train/overview.png",
        "real_train/3/real/cover.jpg",
        "real_train/.cache/1.png",
        "real_train/3/real/1/.0.png",
        "real_train/3/real/1/0.png:Zone.Identifier",
        "real_train/3/real/1/notes.txt",
        "real_train/empty/real/0/notes.txt",
    )
    assert len(list(records(root))) == 72


def test_endings_in_any_case_and_links(root, tmp_path):
    shutil.move(root / "real_train" / "3", tmp_path / "store")
    (root / "real_train" / "3").symlink_to(tmp_path / "store")
    shutil.rmtree(root / "real_train" / "4")
    touch(root, "real_train/4/real/0/0.PNG", "real_train/4/real/1/0.JPG")
    found = {r.id for r in records(root)}
    assert {"real_train/3/real/1", "real_train/4/real/0", "real_train/4/real/1"} <= found
    assert len(found) == 71


def test_a_circle_of_links_ends(root):
    before = {r.id for r in records(root)}
    (root / "real_train" / "4" / "real" / "again").symlink_to(root / "real_train" / "4" / "real")
    (root / "real_train" / "5" / "up").symlink_to(root)
    assert {r.id for r in records(root)} == before


# --- what does not hold ---------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["{video}/{kind}", "{kind}", "./{kind}"])
def test_archives_are_to_be_unpacked_and_the_command_does_it(root, inner, tmp_path):
    """Whether an archive holds ``<video>/real/…`` or ``real/…``, the command gives the same ids."""
    expected = {r.id for r in records(root)}
    for name in FOLDERS:
        kind = name.partition("_")[0]
        for folder in sorted((root / name).iterdir()):
            with tarfile.open(root / name / f"{folder.name}.tar.gz", "w:gz") as archive:
                archive.add(folder / kind, inner.format(video=folder.name, kind=kind))
            shutil.rmtree(folder)
    with pytest.raises(
        DataError, match=r"has 10 archives that are not unpacked \(0\.tar"
    ) as caught:
        records(root)
    command = re.search(r"lie: (cd .*)$", str(caught.value))
    assert command
    assert command[1].endswith(UNPACK)
    subprocess.run(["sh", "-c", command[1]], check=True, cwd=tmp_path)
    assert {r.id for r in records(root)} == expected


def test_an_archive_whose_unpacking_failed(root):
    touch(root, "fake_train/99.tar")
    (root / "fake_train" / "99").mkdir()
    with pytest.raises(DataError, match=r"fake_train has 1 archives .*\(99\.tar"):
        records(root)


def test_one_archive_that_was_forgotten(root):
    touch(root, "fake_train/3.tar", "fake_train/99.tar")
    with pytest.raises(DataError, match=r"fake_train has 1 archives .*\(99\.tar"):
        records(root)


@pytest.mark.parametrize("folder", ["real_train", "real_train/real", "real_train/real/5"])
def test_sequences_of_which_the_source_video_is_lost(root, folder):
    shutil.rmtree(root / "real_train")
    frames(root, folder)
    with pytest.raises(DataError, match="does not say which video it was cut from"):
        records(root)


def test_a_fake_among_the_real(root):
    frames(root, "real_train/77/fake/0")
    with pytest.raises(DataError, match=r"real_train/77/fake/0 says fake, but lies in a real"):
        records(root)


def test_one_level_too_deep_or_too_high_or_another_dataset(root, tmp_path):
    for wrong in (tmp_path, root / "real_train", root / "real_train" / "3"):
        with pytest.raises(DataError, match=f"is not WildDeepfake.*Did you mean {root}"):
            records(wrong)
    touch(tmp_path / "x" / "y" / "other", "real/0000.mp4", "fake/0000_fake.mp4")
    with pytest.raises(DataError, match=r"no real_train, real_test.* in it\.$"):
        records(tmp_path / "x" / "y" / "other")


def test_a_lost_folder_is_named(root):
    shutil.rmtree(root / "fake_test")
    with pytest.raises(DataError, match="lacks fake_test"):
        records(root)
