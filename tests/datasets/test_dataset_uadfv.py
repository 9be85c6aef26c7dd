"""UADFV: pairs by number, no split of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.listing import read_dataset
from dfbench.data.splits import check_classes, count
from dfbench.errors import DataError
from dfbench_uadfv.records import records


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def whole(tmp_path) -> Path:
    root = tmp_path / "UADFV"
    touch(root, *(f"real/{n:04}.mp4" for n in range(49)))
    touch(root, *(f"fake/{n:04}_fake.mp4" for n in range(49)))
    return root


def test_49_real_videos_and_a_fake_of_each(whole):
    found = {r.id: r for r in records(whole)}
    assert count(found.values()) == {"videos": 98, "real": 49, "fake": 49}
    fake = found["fake/0007_fake.mp4"]
    assert (fake.label, fake.method, fake.original) == (1, "fakeapp", "real/0007.mp4")
    assert fake.group == found["real/0007.mp4"].group == "real/0007.mp4"
    assert found["real/0007.mp4"].original is None
    assert {r.split for r in found.values()} == {None}
    assert all(r.path == whole / r.id for r in found.values())


def test_the_split_that_is_made_keeps_pairs_together(whole, tmp_path):
    """Fault 2: one list as train, validation and test."""
    found = read_dataset("uadfv", open_catalogue(), {"uadfv": whole}, tmp_path)
    assert not found.own_split
    assert dict(found.card.counts) == {"real": 49, "fake": 49}
    where: dict[str, set] = {}
    for record in found.records:
        where.setdefault(record.group, set()).add(record.split)
    assert len(where) == 49
    assert all(len(splits) == 1 for splits in where.values())
    for split in ("train", "val", "test"):
        check_classes(found.records, split, "uadfv")
    tested = read_dataset("uadfv", open_catalogue(), {"uadfv": whole}, tmp_path, trained_on=False)
    assert count(tested.of("test"))["videos"] == 98


def test_what_lies_about_is_passed_over(whole):
    touch(
        whole,
        "real/0000.mp4:Zone.Identifier",
        "real/._0000.mp4",
        "fake/.DS_Store",
        "fake/frames/0000_fake/000.png",
        "readme.txt",
    )
    (whole / "real" / "0049.MP4").symlink_to(whole / "real" / "0000.mp4")
    found = {r.id for r in records(whole)}
    assert len(found) == 99
    assert "real/0049.MP4" in found


def test_an_original_in_upper_case_or_lost_still_ties_its_fake(whole):
    (whole / "real" / "0001.mp4").rename(whole / "real" / "0001.MP4")
    (whole / "real" / "0002.mp4").unlink()
    found = {r.id: r for r in records(whole)}
    assert found["fake/0001_fake.mp4"].original == "real/0001.MP4"
    assert found["fake/0002_fake.mp4"].original == "real/0002.mp4"


@pytest.mark.parametrize(
    "name", ["real/a.mp4", "real/0000_fake.mp4", "fake/0000.mp4", "fake/é.mp4"]
)
def test_another_name_is_another_dataset(whole, name):
    touch(whole, name)
    with pytest.raises(DataError, match="not named as the dataset's videos are") as caught:
        records(whole)
    assert name in str(caught.value)


def test_two_copies_are_an_error(whole):
    touch(whole, "real/0003.avi")
    with pytest.raises(DataError, match="are one video"):
        records(whole)


def test_one_level_too_deep_or_too_high_or_another_dataset(whole, tmp_path):
    for wrong in (tmp_path, whole / "fake"):
        with pytest.raises(DataError, match=f"is not UADFV.*Did you mean {whole}"):
            records(wrong)
    touch(tmp_path / "other", "real/0000.mp4", "synthesis/0000.mp4")
    with pytest.raises(DataError, match="no folder fake in it"):
        records(tmp_path / "other")
