"""``dfbench data check``: splits that leak, and counts that were published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from checked import box, check, copy, finding, found

from dfbench.catalogue.cards import DatasetCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.data.check import check_dataset
from dfbench.data.splits import make_split
from dfbench_celebdf import dfbench_datasets as celebdf_cards

# --- splits ---------------------------------------------------------------------------------


def test_a_leak_names_the_pair(dataset):
    text = (
        (dataset / "list.csv")
        .read_text()
        .replace("f3.mp4,fake,test,r3.mp4", "f3.mp4,fake,test,r0.mp4")
    )
    (dataset / "list.csv").write_text(text)
    report = check(dataset)
    assert found(report) == {("leak", ""): "broken"}
    leak = finding(report, "leak")
    assert any("r0.mp4 (train) and f3.mp4 (test) share the original" in e for e in leak.examples)


def people(root: Path) -> Iterable[VideoRecord]:
    """Two people in train, one of them in test as well."""
    rows = [("a", "train", "ann"), ("b", "val", "bob"), ("c", "test", "ann")]
    return [
        VideoRecord(
            f"{n}{label}.mp4",
            root / f"{n}{label}.mp4",
            label,
            split,  # type: ignore[arg-type]
            identities=(person,),
        )
        for label in (0, 1)
        for n, split, person in rows
    ]


def test_a_declared_overlap_is_a_notice_with_its_count(tmp_path, clips):
    for record, data in zip(people(tmp_path), clips, strict=False):
        record.path.write_bytes(data)
    card = DatasetCard(name="own", summary="", target=f"{__name__}:people")
    report = check(tmp_path, card)
    assert found(report) == {("leak", ""): "broken"}
    assert "share the person 'ann'" in finding(report, "leak").examples[0]
    report = check(tmp_path, replace(card, overlap="people were not kept apart"))
    assert found(report) == {("overlap", ""): "notice"}
    assert finding(report, "overlap").count == 1
    assert "people were not kept apart" in finding(report, "overlap").text
    assert not report.broken
    own = tmp_path / "own.csv"  # the card speaks of the official split, not of the user's
    own.write_text("id,split\n" + "\n".join(f"{r.id},{r.split}" for r in people(tmp_path)))
    report = check(tmp_path, replace(card, overlap="people were not kept apart"), split_file=own)
    assert found(report) == {("leak", ""): "broken"}


def swaps(root: Path) -> Iterable[VideoRecord]:
    """Everyone swapped with everyone: whoever stands between two splits is left out."""
    for a in range(6):
        yield VideoRecord(f"{a}.mp4", root / f"{a}.mp4", 0, identities=(f"{a}",))
        for b in range(6):
            if a != b:
                yield VideoRecord(
                    f"{a}_{b}.mp4",
                    root / f"{a}_{b}.mp4",
                    1,
                    original=f"{a}.mp4",
                    identities=(f"{a}", f"{b}"),
                )


def test_what_a_made_split_leaves_out_is_told(tmp_path, clips):
    for n, record in enumerate(swaps(tmp_path)):
        record.path.write_bytes(clips[0] + box(b"free", bytes(n)))
    card = DatasetCard(name="own", summary="", target=f"{__name__}:swaps")
    report = check(tmp_path, card)
    assert found(report) == {}
    records = {record.id: record for record in make_split(list(swaps(tmp_path)))}
    for lost in (id for record in swaps(tmp_path) if (id := record.id) not in records):
        kept = next(id for id, record in records.items() if record.label)
        copy(tmp_path, kept, lost)  # equal to a fake that is used: only one of the two is
        break
    assert found(check(tmp_path, card)) == {("duplicate", "same_class"): "notice"}
    (out,) = {row.listed for row in report.counts if (row.split, row.label) == ("none", "fake")}
    assert out > 0
    assert f"{out} left out: they show people" in report.split


# --- published counts -----------------------------------------------------------------------


def celebdf(**changed: Any) -> DatasetCard:
    card = next(card for card in celebdf_cards() if card.name == "celebdf")
    return replace(card, **changed)


@pytest.fixture
def celeb_part(tmp_path, shared, clips) -> Path:
    """A few videos of Celeb-DF v2 and the official list."""
    listed = shared / "data" / "metadata" / "celebdf" / "List_of_testing_videos.txt"
    (tmp_path / "List_of_testing_videos.txt").write_bytes(listed.read_bytes())
    for name, data in zip(
        (
            "Celeb-real/id0_0000",
            "Celeb-real/id1_0000",
            "Celeb-synthesis/id0_id1_0000",
            "Celeb-synthesis/id1_id0_0000",
            "YouTube-real/00000",
        ),
        clips,
        strict=False,
    ):
        path = tmp_path / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def test_a_part_of_celebdf_is_not_broken(celeb_part):
    report = check(celeb_part, celebdf())
    assert {f.severity for f in report.findings} == {"notice"}, report.findings
    rows = {(row.split, row.label): row for row in report.counts}
    assert (rows["test", "real"].listed, rows["test", "fake"].listed) == (178, 340)
    assert rows["all", "fake"].published == 5639


@pytest.mark.parametrize("entries", [517, 516, 448])
def test_an_edited_test_list_is_found(celeb_part, entries):
    file = celeb_part / "List_of_testing_videos.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:entries]))
    report = check(celeb_part, celebdf())
    assert found(report)["counts", "test_list"] == "broken"
    assert report.broken


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"real": 4, "fake": 4, "test/real": 1, "test/fake": 1}, {}),
        ({"real": 4, "fake": 4, "test/real": 1, "test/fake": 2}, {"test_list": "broken"}),
        ({"real": 4, "fake": 5, "test/real": 1, "test/fake": 1}, {"number": "notice"}),
        ({"real": 4, "fake": 40, "test/real": 1, "test/fake": 10}, {"number": "notice"}),
        ({"real": 3, "fake": 4, "test/real": 1, "test/fake": 1}, {"number": "notice"}),
        ({"test/fake": 2}, {"test_list": "broken"}),
        ({"fake": 400, "test/fake": 2}, {"number": "notice", "test_list": "broken"}),
        ({"train/fake": 9}, {"number": "notice"}),
    ],
)
def test_a_part_is_told_from_an_edited_list(dataset, counts, expected):
    card = replace(open_catalogue().dataset("folder")[1], counts=counts)
    reasons = {f.reason: f.severity for f in check(dataset, card).findings}
    assert reasons == expected


def test_a_published_split_without_a_video_is_missed(dataset):
    file = dataset / "list.csv"
    file.write_text(file.read_text().replace(",test,", ",val,"))
    counts = {"real": 4, "fake": 4, "test/real": 1, "test/fake": 1}
    report = check(dataset, replace(open_catalogue().dataset("folder")[1], counts=counts))
    assert finding(report, "counts").examples == (
        "test/real: 0 listed, 1 published",
        "test/fake: 0 listed, 1 published",
    )
    assert report.broken


def with_option(root: Path, which: str, compression: str) -> Iterable[VideoRecord]:
    del which, compression
    return people(root)


def test_published_counts_hold_for_the_default_options(tmp_path, clips):
    for record, data in zip(people(tmp_path), clips, strict=False):
        record.path.write_bytes(data)
    card = DatasetCard(
        name="own",
        summary="",
        target=f"{__name__}:with_option",
        options={"which": "all", "compression": "c23"},
        counts={"real": 100},
        overlap="people",
    )
    assert ("counts", "number") in found(check(tmp_path, card))
    known: Any = SimpleNamespace(dataset=lambda _: (None, card))
    report = check_dataset("own:which=some", known, {"own": tmp_path}, tmp_path)
    assert ("counts", "number") not in found(report)
    assert report.notes == ("published counts are known for the default options only",)
    assert report.options == {"which": "some", "compression": "c23"}
    report = check_dataset("own:compression=c40", known, {"own": tmp_path}, tmp_path)
    assert ("counts", "number") in found(report)


def test_a_split_of_ours_is_not_held_to_the_published_one(tmp_path, clips):
    for n, data in enumerate(clips):
        path = tmp_path / ("real" if n < 4 else "fake") / f"{n}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    card = open_catalogue().dataset("folder")[1]
    report = check(tmp_path, replace(card, counts={"real": 4, "fake": 4, "test/real": 3}))
    assert found(report) == {}
    assert next(row.published for row in report.counts if row.split == "test") is None
