"""DFDC's official test set and its preview; the parts are in ``test_dataset_dfdc_parts.py``."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.leaks import check_leaks
from dfbench.data.listing import Listing, read_dataset
from dfbench.data.splits import check_classes, count
from dfbench.errors import DataError, OptionError, SplitError
from dfbench_dfdc.preview import records as preview
from dfbench_dfdc.records import records as dfdc

LABELS = "filename,label\naalscayrfi.mp4,0\naamrozxzsq.mp4,1\naalyqplqns.mp4,0\n"


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def official(root: Path, text: str | bytes = LABELS, place: str = ".") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "labels.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    touch(root / place, "aalscayrfi.mp4", "aamrozxzsq.mp4", "aalyqplqns.mp4")
    return root


def part(root: Path, number: int, place: str = ".") -> list[str]:
    """A part with two real videos and a fake of each; its names."""
    names = [f"{kind}{n}part{number}.mp4" for kind in ("real", "fake") for n in (0, 1)]
    real, fake = names[:2], names[2:]
    entries = {name: {"label": "REAL", "split": "train"} for name in real}
    entries |= {
        name: {"label": "FAKE", "split": "train", "original": original}
        for name, original in zip(fake, real, strict=True)
    }
    folder = root / place / f"dfdc_train_part_{number}"
    touch(folder, *names)
    (folder / "metadata.json").write_text(json.dumps(entries))
    return names


def splits(found) -> dict[str, str | None]:
    return {record.id: record.split for record in found}


def listing(root: Path, cache: Path, name: str) -> Listing:
    return read_dataset(name, open_catalogue(), {name.partition(":")[0]: root}, cache)


# --- the official test set ------------------------------------------------------------------


def test_the_official_labels(shared, tmp_path):
    """5,000 videos, half and half, 1 = fake; all are test, none is trained on."""
    text = (shared / "data" / "metadata" / "dfdc" / "test_labels.csv").read_bytes()
    found = listing(official(tmp_path / "test", text), tmp_path / "cache", "dfdc")
    assert found.own_split
    assert count(found.of("test")) == {"videos": 5000, "real": 2500, "fake": 2500}
    assert not found.of("train", "val")
    by_id = {r.id: r for r in found.records}
    assert (by_id["aalscayrfi.mp4"].label, by_id["aamrozxzsq.mp4"].label) == (0, 1)
    assert (by_id["aalscayrfi.mp4"].method, by_id["aamrozxzsq.mp4"].method) == (None, "dfdc")
    check_classes(found.records, "test", "dfdc")
    with pytest.raises(SplitError, match="no train videos"):
        check_classes(found.records, "train", "dfdc")


@pytest.mark.parametrize("place", [".", "test_videos", "videos", "my copy"])
def test_the_videos_lie_beside_the_list_or_in_a_folder_there(tmp_path, place):
    root = official(tmp_path / "test", place=place)
    touch(root / "thumbnails", "aalscayrfi.mp4")
    found = list(dfdc(root))
    assert [r.id for r in found] == ["aalscayrfi.mp4", "aamrozxzsq.mp4", "aalyqplqns.mp4"]
    assert all(r.path == root / place / r.id for r in found)


def test_a_listed_video_that_is_not_on_disk_stays_in_the_test(tmp_path):
    root = official(tmp_path / "test", place="test_videos")
    (root / "test_videos" / "aamrozxzsq.mp4").unlink()
    found = {r.id: r for r in dfdc(root)}
    assert found["aamrozxzsq.mp4"].path == root / "test_videos" / "aamrozxzsq.mp4"
    assert len(found) == 3


@pytest.mark.parametrize(
    "text",
    [
        LABELS.replace("\n", "\r\n"),
        "\ufeff" + LABELS,
        LABELS.replace("filename,label", " Filename , LABEL "),
        LABELS.replace("filename,label", "video,is_fake"),
        LABELS.replace("\n", "\n\n").replace(",", " ,  "),
        "label,filename\n0,aalscayrfi.mp4\n1,aamrozxzsq.mp4\n0,aalyqplqns.mp4",
        LABELS.replace("\naa", "\n./aa"),
        LABELS.replace(",0", ",REAL").replace(",1", ",FAKE"),
        LABELS.replace(",0", ",0,x").replace(",1", ",1,").replace("label\n", "label,note\n"),
    ],
    ids=["crlf", "bom", "case", "names", "blank", "turned", "dot", "words", "more"],
)
def test_the_list_as_it_is_found(tmp_path, text):
    found = {r.id: (r.label, r.path.is_file()) for r in dfdc(official(tmp_path / "test", text))}
    assert found == {
        "aalscayrfi.mp4": (0, True),
        "aamrozxzsq.mp4": (1, True),
        "aalyqplqns.mp4": (0, True),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LABELS.partition("\n")[2], "first line must name a column filename or"),
        ("", "first line must name a column"),
        ("filename,label,label\na.mp4,0,1\n", "and one only"),
        (LABELS + "\nb.mp4,2\n", "line 6: label '2'"),
        (LABELS + "b.mp4\n", "line 5: a value is lacking"),
        (LABELS + "b.mp4,\n", "line 5: label ''"),
        (LABELS + "b.mp4,0.7\n", "line 5: label '0.7'"),
        (LABELS + "../b.mp4,0\n", "line 5: .*not a path inside"),
        (LABELS + "..\\b.mp4,0\n", "line 5: .*not a path inside"),
        (LABELS + "/etc/passwd,0\n", "line 5: .*not a path inside"),
        (LABELS + ",0\n", "line 5: .*not a path inside"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_labels_that_do_not_hold(tmp_path, text, says):
    root = official(tmp_path / "test", text)
    with pytest.raises(DataError, match=says) as caught:
        list(dfdc(root))
    assert str(root / "labels.csv") in str(caught.value)


def test_a_video_listed_twice_is_an_error(tmp_path):
    root = official(tmp_path / "test", LABELS + "aalscayrfi.mp4,1\n")
    with pytest.raises(DataError, match="stand twice"):
        listing(root, tmp_path / "cache", "dfdc")


# --- the official test set beside the parts -------------------------------------------------


@pytest.mark.parametrize("place", ["test", "dfdc_test_videos", "."])
def test_parts_and_the_official_test(tmp_path, place):
    """Fault 2: the validation videos are not the test videos; parts 40-49 are in neither."""
    names = {number: part(tmp_path, number) for number in (0, 34, 35, 41)}
    official(tmp_path / place)
    found = listing(tmp_path, tmp_path / "cache", "dfdc:test=official")
    expected = dict.fromkeys([*names[0], *names[34]], "train") | dict.fromkeys(names[35], "val")
    expected |= dict.fromkeys(["aalscayrfi.mp4", "aamrozxzsq.mp4", "aalyqplqns.mp4"], "test")
    assert splits(found.records) == expected
    assert all(r.path.is_file() for r in found.records)
    assert "disjoint" in found.note
    by_part = listing(tmp_path, tmp_path / "cache", "dfdc")
    assert [r.id for r in by_part.of("train", "val")] == [r.id for r in found.of("train", "val")]
    assert {r.id for r in by_part.of("test")} == set(names[41])


def test_parts_below_train_as_the_full_release_has_them(tmp_path):
    for number in (0, 36, 41):
        part(tmp_path, number, "train")
    official(tmp_path / "test")
    official(tmp_path / "validation")
    assert {r.split for r in dfdc(tmp_path)} == {"train", "val", "test"}
    assert Counter(splits(dfdc(tmp_path, test="official")).values())["test"] == 3


def test_without_validation_parts_it_is_cut_by_original(tmp_path):
    for number in range(10):
        part(tmp_path, number)
    official(tmp_path / "test")
    found = list(dfdc(tmp_path, test="official"))
    assert Counter(r.split for r in found) == {"train": 34, "val": 6, "test": 3}
    assert "disjoint" in check_leaks(found, "dfdc")


def test_a_single_part_with_the_official_test(tmp_path):
    part(tmp_path, 7)
    (tmp_path / "dfdc_train_part_7").rename(tmp_path / "train_sample_videos")
    official(tmp_path / "train_sample_videos" / "test")
    found = splits(dfdc(tmp_path / "train_sample_videos", test="official"))
    assert Counter(found.values())["test"] == 3
    assert len(found) == 7


def test_the_official_test_is_asked_for_and_not_there(tmp_path):
    part(tmp_path, 0)
    with pytest.raises(DataError, match=r"put it with its labels\.csv into a folder of"):
        dfdc(tmp_path, test="official")
    for place in ("test", "test2"):
        official(tmp_path / place)
    with pytest.raises(DataError, match="keep the test set's alone"):
        dfdc(tmp_path, test="official")


def test_another_test_is_an_option_error(tmp_path):
    part(tmp_path, 0)
    with pytest.raises(OptionError, match=r"test knows no 'kaggle'.*parts, official"):
        dfdc(tmp_path, test="kaggle")


def test_one_level_too_deep_or_too_high(tmp_path):
    root = official(tmp_path / "a" / "b" / "test", place="test_videos")
    for wrong in (tmp_path / "a", root / "test_videos"):
        with pytest.raises(DataError, match=f"is not DFDC.*Did you mean {root}"):
            dfdc(wrong)


# --- the preview ----------------------------------------------------------------------------


def entry(label: str, split: str, target: object, swapped: object = None, **more) -> dict:
    return {
        "label": label,
        "set": split,
        "target_id": target,
        "swapped_id": swapped,
        "augmentations": [],
        **more,
    }


@pytest.fixture
def actors() -> dict[str, dict]:
    """Eleven actors, swapped in a ring, as the release names its videos; the last two are test."""
    people = [str(1003254 + 7 * n) for n in range(11)]
    found = {}
    for split, ring in (("train", people[:9]), ("test", people[9:])):
        for target, other in pairwise([*ring, ring[0]]):
            real = f"original_videos/{target}/{target}_A_001.mp4"
            found[real] = entry("real", split, target)
            for method in ("method_A", "method_B"):
                fake = f"{method}/{target}/{target}_A/{other}_{target}_A_001.mp4"
                found[fake] = entry("fake", split, target, other)
    return found


def write(root: Path, entries: object, encoding: str = "utf-8") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(entries), encoding)
    if isinstance(entries, dict):
        touch(root, *(name for name in entries if ".." not in name and "\\" not in name))
    return root


def test_the_preview_keeps_its_test_set_and_cuts_validation_from_train(tmp_path, actors):
    """Fault 2: DFDC-preview's validation is its test."""
    found = listing(write(tmp_path / "p", actors), tmp_path / "cache", "dfdc-preview")
    assert found.own_split
    assert {r.id for r in found.records} == set(actors)
    assert {r.id for r in found.of("test")} == {k for k, v in actors.items() if v["set"] == "test"}
    filmed = {split: {r.group for r in found.of(split)} for split in ("train", "val", "test")}
    assert not filmed["train"] & filmed["val"]
    assert not filmed["test"] & (filmed["train"] | filmed["val"])
    assert (len(filmed["train"]), len(filmed["val"]), len(filmed["test"])) == (7, 2, 2)
    for split in filmed:
        check_classes(found.records, split, "dfdc-preview")
    assert found.card.overlap in found.note
    assert "group" not in found.note.rpartition("): ")[2]
    assert "person" in found.note.rpartition("): ")[2]


def test_the_preview_s_records(tmp_path, actors):
    name = next(name for name in actors if name.startswith("method_B"))
    actors[name]["augmentations"] = ["fps15", "crf39"]
    found = {r.id: r for r in preview(write(tmp_path, actors))}
    fake, real = found[name], found["original_videos/1003254/1003254_A_001.mp4"]
    assert (fake.label, fake.method, fake.original) == (1, "method_B", None)
    assert fake.identities == ("dfdc-preview/1003254", "dfdc-preview/1003261")
    assert fake.group == real.group == "dfdc-preview/1003254"
    assert fake.attributes == {"augmentation": "fps15+crf39"}
    assert (real.label, real.method, real.identities) == (0, None, ("dfdc-preview/1003254",))
    assert real.attributes == {"augmentation": "none"}
    assert all(r.path == tmp_path / r.id and r.path.is_file() for r in found.values())


def test_the_preview_as_it_is_found(tmp_path):
    """A byte order mark, Windows separators (fault 9), numbers for names, other case."""
    entries = {
        "original_videos\\1\\1_A_001.MP4": entry("REAL", " Train ", 1),
        "./method_A/1/2_1_A_001.mp4": entry("Fake", "TEST", "1", 2, source_video="1_A"),
        "method_A/1/1_1_A_002.mp4": entry("fake", "test", "1", "1"),
    }
    found = {r.id: r for r in preview(write(tmp_path, entries, "utf-8-sig"))}
    assert set(found) == {
        "original_videos/1/1_A_001.MP4",
        "method_A/1/2_1_A_001.mp4",
        "method_A/1/1_1_A_002.mp4",
    }
    assert found["method_A/1/2_1_A_001.mp4"].identities == ("dfdc-preview/1", "dfdc-preview/2")
    assert found["method_A/1/1_1_A_002.mp4"].identities == ("dfdc-preview/1",)
    assert found["method_A/1/2_1_A_001.mp4"].split == "test"
    assert found["method_A/1/2_1_A_001.mp4"].method == "method_A"


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"a.mp4": "fake"}, "'a.mp4' has no table"),
        ({"a.mp4": {}}, "'a.mp4' has the label None"),
        ({"a.mp4": entry("fake?", "train", "1", "2")}, "label 'fake.', none of real, fake"),
        ({"a.mp4": entry("fake", "val", "1", "2")}, "set 'val', none of train, test"),
        ({"a.mp4": {"label": "real", "set": "train"}}, "has no target_id"),
        ({"a.mp4": entry("fake", "train", "1")}, "has no swapped_id"),
        ({"a.mp4": entry("real", "train", "")}, "has no target_id"),
        ({"a.mp4": entry("real", "train", ["1"])}, "no person's number"),
        ({"a.mp4": entry("real", "train", True)}, "no person's number"),
        ({"a.mp4": entry("real", "train", "1", augmentations="x")}, "no list: 'x'"),
        ({"../a.mp4": entry("real", "train", "1")}, "not a path inside"),
        ({"/etc/passwd": entry("real", "train", "1")}, "not a path inside"),
        ({"": entry("real", "train", "1")}, "not a path inside"),
        (["a.mp4"], "must hold a table"),
    ],
)
def test_a_preview_list_that_does_not_hold(tmp_path, entries, says):
    (tmp_path / "dataset.json").write_text(json.dumps(entries))
    with pytest.raises(DataError, match=says) as caught:
        preview(tmp_path)
    assert str(tmp_path / "dataset.json") in str(caught.value)


def test_a_preview_list_that_is_damaged(tmp_path):
    (tmp_path / "dataset.json").write_text('{"a.mp4": ')
    with pytest.raises(DataError, match="damaged"):
        preview(tmp_path)


def test_the_preview_one_level_too_deep_or_too_high_or_another_dataset(tmp_path, actors):
    root = write(tmp_path / "a" / "dfdc_preview_set", actors)
    for wrong in (tmp_path, tmp_path / "a", root / "method_A"):
        with pytest.raises(DataError, match=f"not DFDC's preview.*Did you mean {root}"):
            preview(wrong)
    part(tmp_path / "main", 0)
    with pytest.raises(DataError, match=r"no dataset\.json in it\.$"):
        preview(tmp_path / "main")
