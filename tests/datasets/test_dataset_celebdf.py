"""Celeb-DF: the official list held out, nothing lost, what is shared declared and counted."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.data.listing import Listing, read_dataset
from dfbench.data.splits import check_classes, count, keys
from dfbench.errors import DataError, SplitError
from dfbench_celebdf.records import LIST, records

SMALL = """\
1 YouTube-real/00001.mp4
1 Celeb-real/id0_0001.mp4
0 Celeb-synthesis/id0_id1_0000.mp4"""
VIDEOS = (
    "Celeb-real/id0_0000.mp4",
    "Celeb-real/id0_0001.mp4",
    "Celeb-real/id1_0000.mp4",
    "YouTube-real/00000.mp4",
    "YouTube-real/00001.mp4",
    "Celeb-synthesis/id0_id1_0000.mp4",
    "Celeb-synthesis/id0_id2_0000.mp4",
    "Celeb-synthesis/id0_id1_0001.mp4",
    "Celeb-synthesis/id1_id0_0000.mp4",
)


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def small(root: Path, text: str | bytes = SMALL) -> Path:
    touch(root, *VIDEOS)
    (root / LIST).write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def by_id(found) -> dict[str, VideoRecord]:
    return {record.id: record for record in found}


def listing(root: Path, cache: Path, name: str = "celebdf") -> Listing:
    return read_dataset(name, open_catalogue(), {name.partition(":")[0]: root}, cache)


# --- the official list ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def official(shared) -> list[str]:
    file = shared / "data" / "metadata" / "celebdf" / LIST
    return [line.split()[1] for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(shared, official, tmp_path_factory) -> Path:
    """The published number of videos under names as the real ones are: those of the official list,
    the originals of its fakes, and others of the same people."""
    root = tmp_path_factory.mktemp("celebdf") / "v2"
    parts = [Path(name).stem.split("_") for name in official]
    real = {f"{p[0]}_{p[-1]}" for p in parts if len(p) > 1}
    people = [f"id{n}" for n in range(62) if n not in (14, 15, 18)]
    rest = [f"{person}_{n:04}" for n in range(10) for person in people]
    real.update([name for name in rest if name not in real][: 590 - len(real)])
    fake = {"_".join(p) for p in parts if len(p) == 3}
    swaps = [
        f"{p}_{other}_{n}"
        for p, n in (r.split("_") for r in sorted(real))
        for other in people
        if other != p
    ]
    random.Random(0).shuffle(swaps)
    fake.update([name for name in swaps if name not in fake][: 5639 - len(fake)])
    touch(root, *(f"Celeb-real/{name}.mp4" for name in real))
    touch(root, *(f"Celeb-synthesis/{name}.mp4" for name in fake))
    touch(root, *(f"YouTube-real/{n:05}.mp4" for n in range(300)))
    shutil.copy(shared / "data" / "metadata" / "celebdf" / LIST, root / LIST)
    return root


def test_the_official_list_has_no_header_and_no_video_is_lost(whole, official):
    """Fault 16: reading the list with a header row drops its first video."""
    test = [r for r in records(whole) if r.split == "test"]
    assert count(test) == {"videos": 518, "real": 178, "fake": 340}
    assert {r.id for r in test} == set(official)
    assert official[0] in by_id(test), "the first line"
    assert official[-1] in by_id(test), "the last line, which ends without a line end"


def test_the_official_list_is_held_out_and_both_real_folders_are_there(whole, official, tmp_path):
    """Fault 1: all videos land in train, validation is the test, a real folder is lost."""
    found = listing(whole, tmp_path)
    published = {"real": 890, "fake": 5639, "test/real": 178, "test/fake": 340}
    assert dict(found.card.counts) == published
    everything, test = count(found.records), count(found.of("test"))
    assert everything == {"videos": 6529, "real": 890, "fake": 5639}
    assert test == {"videos": 518, "real": 178, "fake": 340}
    assert not {r.id for r in found.of("train", "val")} & set(official)
    folders = Counter(r.id.split("/")[0] for r in found.records)
    assert folders == {"Celeb-real": 590, "YouTube-real": 300, "Celeb-synthesis": 5639}
    for split, share in (("train", 0.85), ("val", 0.15)):
        part = found.of(split)
        assert {r.id.split("/")[0] for r in part} == set(folders)
        assert len(part) / (6529 - 518) == pytest.approx(share, abs=0.05)
        check_classes(found.records, split, "celebdf")


def test_train_and_validation_share_no_video_no_original_and_no_person_filmed(whole):
    """Fault 2."""
    where: dict = {}
    for record in records(whole):
        for kind, value in keys(record):
            if kind != "person" and record.split != "test":
                where.setdefault(value, set()).add(record.split)
    assert all(len(splits) == 1 for splits in where.values())


def test_what_the_official_split_shares_is_declared_and_counted(whole, tmp_path):
    found = listing(whole, tmp_path)
    assert found.own_split
    assert found.card.overlap in found.note
    assert "original 272 times" in found.note, "as the card says"
    assert "56 people" in found.card.overlap
    people = {p for r in found.of("test") for p in r.identities}
    assert len(people) == 56


def test_strict_keeps_the_originals_apart(whole, tmp_path):
    found = listing(whole, tmp_path, "celebdf:strict=true")
    assert "original" not in found.note.rpartition("): ")[2]
    assert "person" in found.note.rpartition("): ")[2]
    assert count(found.of("test")) == {"videos": 518, "real": 178, "fake": 340}
    for split in ("train", "val"):
        check_classes(found.records, split, "celebdf")


def plan(root: Path, train: str, test: str, out: Path):
    from dfbench.catalogue.reporter import Reporter
    from dfbench.running.plan import make_plan
    from dfbench.running.request import Request

    known = {"celebdf": root, "celebdf-v1": root.with_name("v1")}
    roots = {name: known[name] for name in (train, test)}
    request = Request(
        detector="meso4",
        train=train,
        tests=(test,),
        data_roots=roots,
        faces="center",
        device="cpu",
        out=out,
    )
    return make_plan(request, open_catalogue(), Reporter())


def test_what_is_shared_stops_no_run_and_stands_in_its_notes(whole, tmp_path):
    planned = plan(whole, "celebdf", "celebdf", tmp_path)
    assert planned.train is not None
    assert len(planned.train.records) == 6529 - 518
    assert len(planned.tests[0].data.records) == 518
    assert any("up to 272 of the 590" in note for note in planned.notes)


def test_to_train_on_version_1_and_test_on_version_2_stops(whole, tmp_path):
    small(whole.with_name("v1"))
    with pytest.raises(SplitError, match=r"celebdf-v1's .* share the person 'celebdf/id"):
        plan(whole, "celebdf-v1", "celebdf", tmp_path)


def test_the_split_is_the_same_every_time(whole):
    assert list(records(whole)) == list(records(whole))


# --- records --------------------------------------------------------------------------------


def test_labels_methods_originals_and_people(tmp_path):
    found = by_id(records(small(tmp_path)))
    assert set(found) == set(VIDEOS)
    real, fake = found["Celeb-real/id0_0000.mp4"], found["Celeb-synthesis/id0_id1_0000.mp4"]
    video = found["YouTube-real/00000.mp4"]
    assert (real.label, real.method, real.original) == (0, None, None)
    assert (real.group, real.identities) == ("celebdf/id0", ("celebdf/id0",))
    assert (fake.label, fake.method, fake.original) == (1, "celeb-synthesis", real.id)
    assert (fake.group, fake.identities) == ("celebdf/id0", ("celebdf/id0", "celebdf/id1"))
    assert (video.label, video.group, video.identities) == (0, video.id, ())
    assert all(record.path == tmp_path / record.id for record in found.values())
    test = {name for name, record in found.items() if record.split == "test"}
    assert test == {line.split()[1] for line in SMALL.splitlines()}


def test_version_1_has_the_same_layout(tmp_path):
    found = listing(small(tmp_path), tmp_path / "cache", "celebdf-v1")
    assert [r.id for r in found.of("test")] == sorted(line.split()[1] for line in SMALL.split("\n"))
    assert (found.card.counts["real"], found.card.counts["fake"]) == (408, 795)


def test_a_listed_video_that_is_not_on_disk_stays_in_the_test(tmp_path):
    small(tmp_path)
    for line in SMALL.splitlines():
        (tmp_path / line.split()[1]).unlink()
    test = [r for r in records(tmp_path) if r.split == "test"]
    assert len(test) == 3
    assert not any(r.path.exists() for r in test)
    assert [r.label for r in test] == [0, 1, 0]


def test_strict_leaves_out_what_shares_an_original_with_the_test(tmp_path):
    small(tmp_path)
    trained = {r.id for r in records(tmp_path, strict=True) if r.split != "test"}
    assert trained == {
        "Celeb-real/id1_0000.mp4",
        "Celeb-synthesis/id1_id0_0000.mp4",
        "YouTube-real/00000.mp4",
    }


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("\n", "\r\n"),
        "\ufeff" + SMALL,
        "\n\n  " + SMALL.replace("\n", "  \n\n   ") + "\n\n",
        SMALL.replace(" ", "   "),
        SMALL.replace(" ", "\t"),
        SMALL.replace("/", "\\"),
        SMALL.replace(" ", " ./"),
        SMALL.replace(".mp4", ".MP4"),
        SMALL.replace(".mp4", ".avi"),
        SMALL.lower(),
    ],
    ids=["crlf", "bom", "blank", "spaces", "tabs", "windows", "dot", "upper", "recoded", "lower"],
)
def test_the_list_as_it_is_found(tmp_path, text):
    """Fault 9, and what editors do to a list: the same videos are held out."""
    small(tmp_path, text)
    found = by_id(records(tmp_path))
    assert set(found) == set(VIDEOS), "ids are as on disk, with /"
    assert {name for name, r in found.items() if r.split == "test"} == {
        line.split()[1] for line in SMALL.splitlines()
    }
    assert all(r.path.is_file() for r in found.values())


def test_upper_case_endings_on_disk(tmp_path):
    """The listed video is held out, and a fake meets its original."""
    small(tmp_path)
    for name in ("Celeb-real/id0_0000", "Celeb-real/id0_0001"):
        (tmp_path / f"{name}.mp4").rename(tmp_path / f"{name}.MP4")
    found = by_id(records(tmp_path))
    assert found["Celeb-real/id0_0001.MP4"].split == "test"
    assert found["Celeb-synthesis/id0_id1_0001.mp4"].original == "Celeb-real/id0_0001.MP4"
    assert found["Celeb-synthesis/id0_id1_0000.mp4"].original == "Celeb-real/id0_0000.MP4"
    assert len(found) == len(VIDEOS)


def test_what_is_no_video_is_passed_over(tmp_path):
    small(tmp_path)
    touch(
        tmp_path,
        "Celeb-real/id0_0000.mp4:Zone.Identifier",
        "Celeb-real/.id0_0009.mp4",
        "Celeb-real/._id0_0000.mp4",
        "Celeb-real/Thumbs.db",
        "YouTube-real/.DS_Store",
        "Celeb-real/frames/id0_0000/000.png",
        "demo.mp4",
    )
    assert set(by_id(records(tmp_path))) == set(VIDEOS)


def test_links_count_as_what_they_point_to(tmp_path):
    store = small(tmp_path / "store")
    root = tmp_path / "root"
    root.mkdir()
    for name in ("Celeb-real", "YouTube-real", "Celeb-synthesis", LIST):
        (root / name).symlink_to(store / name)
    assert set(by_id(records(root))) == set(VIDEOS)
    (store / "Celeb-real" / "id5_0000.mp4").symlink_to(tmp_path / "gone.mp4")
    assert "Celeb-real/id5_0000.mp4" in by_id(records(root)), "missing, and seen to be"


# --- what does not hold ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1 Other-real/00001.mp4", "no video of Celeb-real, YouTube-real, Celeb-synthesis"),
        ("1 Celeb-DF-v2/Celeb-real/id0_0000.mp4", "no video of"),
        ("1 Celeb-real/../Celeb-real/id0_0000.mp4", "no video of"),
        ("1 ../Celeb-real/id0_0000.mp4", "no video of"),
        ("1 /data/Celeb-real/id0_0000.mp4", "no video of"),
        ("1 Celeb-real/id0_0000", "no video of"),
        ("1 Celeb-real/id0_0000.mp4:Zone.Identifier", "no video of"),
        ("1 Celeb-real/id0.mp4", "not named as"),
        ("1 Celeb-real/ïd0_0000.mp4", "not named as"),
        ("1 id0_0000.mp4", "no video of"),
        ("label path", "is not 1 .real. or 0 .fake. and a path"),
        ("1", "is not 1"),
        ("Celeb-real/id0_0000.mp4 1", "is not 1"),
        ("2 Celeb-real/id0_0000.mp4", "is not 1"),
        ("0 Celeb-real/id0_0000.mp4", "marked 0, but 1 = real"),
        ("1 Celeb-synthesis/id0_id2_0000.mp4", "marked 1, but 1 = real"),
        ("1 Celeb-real/id0_0001.MP4", "listed twice"),
    ],
)
def test_a_line_that_does_not_hold_is_named(tmp_path, line, says):
    small(tmp_path, f"{SMALL}\n\n{line}\n")
    with pytest.raises(DataError, match=says) as caught:
        records(tmp_path)
    assert f"{LIST}, line 5" in str(caught.value)


def test_a_header_row_is_not_taken_for_a_video(tmp_path):
    small(tmp_path, "label path\n" + SMALL)
    with pytest.raises(DataError, match=rf"{LIST}, line 1"):
        records(tmp_path)


def test_a_list_that_is_no_text(tmp_path):
    small(tmp_path, b"\xff\xfe1\x00 \x00")
    with pytest.raises(DataError, match="cannot be read"):
        records(tmp_path)


def test_an_empty_list_holds_nothing_out(tmp_path):
    small(tmp_path, "\n  \n")
    with pytest.raises(DataError, match=rf"{LIST} lists no videos.*archive"):
        records(tmp_path)


def test_without_the_list_nothing_is_guessed(tmp_path):
    small(tmp_path)
    (tmp_path / LIST).unlink()
    with pytest.raises(DataError, match=rf"lacks {LIST}.*archive"):
        records(tmp_path)


def test_a_lost_folder_is_named(tmp_path):
    """Fault 1: one of the two real folders is lost."""
    small(tmp_path)
    shutil.rmtree(tmp_path / "YouTube-real")
    with pytest.raises(DataError, match="lacks YouTube-real"):
        records(tmp_path)


def test_one_level_too_deep_or_too_high_or_another_dataset(tmp_path):
    root = small(tmp_path / "a" / "Celeb-DF-v2")
    for wrong in (tmp_path, tmp_path / "a", root / "Celeb-real"):
        with pytest.raises(DataError, match=f"not Celeb-DF.* Did you mean {root}"):
            records(wrong)
    touch(tmp_path / "other", "real/0000.mp4", "fake/0000_fake.mp4")
    with pytest.raises(DataError, match="not Celeb-DF") as caught:
        records(tmp_path / "other")
    assert "uadfv" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["id0_0001 (1).mp4", "copy.mp4", "é.mp4", "id0_id1_0000.mp4"])
def test_a_video_of_another_name_could_be_a_test_video(tmp_path, name):
    touch(small(tmp_path), f"Celeb-real/{name}")
    with pytest.raises(DataError, match=r"not named as the dataset's videos are \(id0_0000\.mp4\)"):
        records(tmp_path)


@pytest.mark.parametrize("name", ["id0_0001.MP4", "ID0_0001.mp4", "id0_0001.avi"])
def test_a_second_copy_of_a_test_video_is_not_trained_on(tmp_path, name):
    touch(small(tmp_path), f"Celeb-real/{name}")
    with pytest.raises(DataError, match="are one video"):
        records(tmp_path)
