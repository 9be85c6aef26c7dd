"""DFDC's training parts and Kaggle's sample of them: families kept together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from listed_files import touch

from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.leaks import check_leaks
from dfbench.data.listing import read_dataset
from dfbench.data.splits import clusters, count
from dfbench.errors import DataError
from dfbench_dfdc.records import records as dfdc
from dfbench_dfdc.records import split_of


@pytest.fixture(scope="session")
def names(shared) -> dict:
    """The 400 entries of Kaggle's sample."""
    path = shared / "data" / "metadata" / "dfdc" / "train_sample_metadata.json"
    return json.loads(path.read_text())


def write_part(root: Path, entries: dict, encoding: str = "utf-8") -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "metadata.json").write_text(json.dumps(entries), encoding)
    touch(root, *entries)


def families(names: dict) -> list[dict]:
    """Entries by their original; the originals that are real videos here are added."""
    found: dict[str, dict] = {}
    for name, entry in names.items():
        found.setdefault(entry["original"] or name, {})[name] = entry
    return [found[name] for name in sorted(found)]


def test_dfdc_parts_give_the_usual_split(tmp_path, names):
    parts = {0: 3, 34: 2, 35: 2, 39: 1, 40: 2, 49: 3}
    waiting = families(names)
    expected = {}
    for part, number in parts.items():
        entries = {k: v for _ in range(number) for k, v in waiting.pop().items()}
        write_part(tmp_path / f"dfdc_train_part_{part}", entries)
        split = "train" if part < 35 else "val" if part < 40 else "test"
        expected |= {name: (split, int(e["label"] == "FAKE")) for name, e in entries.items()}
    found = list(dfdc(tmp_path))
    assert {r.id: (r.split, r.label) for r in found} == expected
    assert all(r.path.is_file() for r in found)
    assert check_leaks(found, "dfdc")


def test_dfdc_split_of_parts():
    assert [split_of(n) for n in (0, 34, 35, 39, 40, 49)] == ["train"] * 2 + ["val"] * 2 + [
        "test"
    ] * 2
    assert split_of(None) is None


@pytest.mark.parametrize("place", [".", "train_sample_videos", "dfdc_train_part_7"])
def test_dfdc_sample_is_split_by_original(tmp_path, names, place):
    """Kaggle's 400 videos: the folder itself, or a single part in a root."""
    root = tmp_path / place
    write_part(root, names)
    listing = read_dataset(
        "dfdc", open_catalogue(), {"dfdc": root if "part" not in place else tmp_path}, tmp_path
    )
    assert not listing.own_split
    assert count(listing.records) == {"videos": 400, "real": 77, "fake": 323}
    where: dict[str, set] = {}
    for record in listing.records:
        where.setdefault(record.original or record.id, set()).add(record.split)
    assert all(len(splits) == 1 for splits in where.values())
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        part = count(listing.of(split))
        assert part["real"] / 77 == pytest.approx(share, abs=0.03)
        assert part["fake"] / 323 == pytest.approx(share, abs=0.03)


def test_dfdc_nested_as_the_archives_are(tmp_path, names):
    for part, family in zip((0, 36, 41), families(names), strict=False):
        write_part(tmp_path / f"dfdc_train_part_{part:02d}" / f"dfdc_train_part_{part}", family)
    assert {r.split for r in dfdc(tmp_path)} == {"train", "val", "test"}


def test_dfdc_with_some_parts_only_gives_no_split(tmp_path, names):
    """Without validation parts, validation must not become the test set (fault 2)."""
    for part, family in zip((0, 1, 41), families(names), strict=False):
        write_part(tmp_path / f"dfdc_train_part_{part}", family)
    assert {r.split for r in dfdc(tmp_path)} == {None}


def test_dfdc_part_without_its_list_is_not_left_out_in_silence(tmp_path, names):
    first, second, *_ = families(names)
    write_part(tmp_path / "dfdc_train_part_0", first)
    touch(tmp_path / "dfdc_train_part_1", *second)
    with pytest.raises(DataError, match=r"dfdc_train_part_1 has no metadata\.json"):
        list(dfdc(tmp_path))


def test_dfdc_original_missing_on_disk_still_ties_its_fakes(tmp_path):
    fake = {"label": "FAKE", "split": "train", "original": "gone.mp4"}
    write_part(tmp_path, {"a.mp4": fake, "b.mp4": fake, "r.mp4": {"label": "REAL"}})
    found = {r.id: r for r in dfdc(tmp_path)}
    assert found["a.mp4"].original == found["b.mp4"].original == "gone.mp4"
    assert found["a.mp4"].group == found["b.mp4"].group
    assert found["r.mp4"].original is None
    assert [len(c) for c in clusters(list(found.values()))] == [2, 1]


def test_dfdc_windows_names_meet_their_originals(tmp_path):
    """Fault 9."""
    entries = {
        r"x\a.mp4": {"label": "REAL", "original": None},
        r"x\b.mp4": {"label": "FAKE", "original": r"x\a.mp4"},
    }
    (tmp_path / "metadata.json").write_text(json.dumps(entries))
    real, fake = dfdc(tmp_path)
    assert (real.id, fake.original, fake.group) == ("x/a.mp4", "x/a.mp4", real.group)
    assert "\\" not in str(real.path)


def test_dfdc_with_a_byte_order_mark(tmp_path):
    write_part(tmp_path, {"a.mp4": {"label": "REAL"}}, "utf-8-sig")
    assert [r.id for r in dfdc(tmp_path)] == ["a.mp4"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a.mp4": {"label": "FAKE"', "damaged"),
        ("", "damaged"),
        ("\x00\x01", "damaged"),
        ('["a.mp4"]', "must hold a table"),
        ("[" * 100_000, "damaged"),
        ('{"a.mp4": {"label": "REAL"}, "a.mp4": {"label": "FAKE"}}', "'a.mp4' stands twice"),
        ('{"a.mp4": "FAKE"}', "'a.mp4' has the label None"),
        ('{"a.mp4": {"label": "fake?"}}', r"'a.mp4' has the label 'fake\?'"),
        ('{"a.mp4": {"label": ["FAKE"]}}', "'a.mp4' has the label"),
        ('{"a.mp4": {}}', "label None"),
        ('{"../a.mp4": {"label": "REAL"}}', "not a path inside"),
        ('{"/etc/passwd": {"label": "REAL"}}', "not a path inside"),
        ('{"": {"label": "REAL"}}', "not a path inside"),
        ('{"a.mp4": {"label": "FAKE", "original": 3}}', "original that is no text"),
    ],
)
def test_dfdc_metadata_that_does_not_hold(tmp_path, text, says):
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        list(dfdc(tmp_path))
    assert "metadata.json" in str(caught.value)


def test_dfdc_metadata_that_is_no_text(tmp_path):
    (tmp_path / "metadata.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read: save it as UTF-8"):
        list(dfdc(tmp_path))


def test_dfdc_one_level_too_deep_or_another_layout(tmp_path):
    write_part(tmp_path / "dfdc" / "dfdc_train_part_0", {"a.mp4": {"label": "REAL"}})
    with pytest.raises(DataError, match=f"Did you mean {tmp_path / 'dfdc'}"):
        list(dfdc(tmp_path))
    write_part(tmp_path / "dfdc" / "dfdc_train_part_1", {"b.mp4": {"label": "FAKE"}})
    with pytest.raises(DataError, match=f"Did you mean {tmp_path / 'dfdc'}"):
        list(dfdc(tmp_path))
    assert len(list(dfdc(tmp_path / "dfdc"))) == 2
    touch(tmp_path / "other", "real/a.mp4", "fake/b.mp4")
    with pytest.raises(DataError, match="is not DFDC"):
        list(dfdc(tmp_path / "other"))
