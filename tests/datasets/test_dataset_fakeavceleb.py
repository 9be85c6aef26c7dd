"""FakeAVCeleb: the label of the picture, and the people that the list and the names tell."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import SPLITS
from dfbench.data.leaks import check_leaks
from dfbench.data.listing import read_dataset
from dfbench.data.splits import keys
from dfbench.errors import DataError
from dfbench_fakeavceleb.records import records

RVRA, RVFA = "RealVideo-RealAudio", "RealVideo-FakeAudio"
FVRA, FVFA = "FakeVideo-RealAudio", "FakeVideo-FakeAudio"
CATEGORIES = {RVRA: "A", RVFA: "B", FVRA: "C", FVFA: "D"}
HEADER = "source,target1,target2,method,category,type,race,gender,path,\n"
MEN = "African/men"

Row = tuple[str, str, str, str, str, str, str]
"""source, target1, target2, method, type, race/gender, file."""

ROWS: list[Row] = [
    ("id00076", "-", "-", "real", RVRA, MEN, "00109.mp4"),
    ("id00166", "-", "-", "real", RVRA, MEN, "00010.mp4"),
    ("id00056", "-", "-", "real", RVRA, "Asian (East)/women", "00028.mp4"),
    ("id00076", "00109_fake.mp4", "-", "rtvc", RVFA, MEN, "00109_fake.mp4"),
    ("id00076", "id00166", "-", "wav2lip", FVRA, MEN, "00109_id00166_wavtolip.mp4"),
    ("id00076", "10", "id00476", "fsgan-wav2lip", FVFA, MEN, "00109_10_id00476_wavtolip.mp4"),
    ("id00056", "id00597", "-", "faceswap", FVRA, "Asian (East)/women", "00028_id00597_5sjEPL.mp4"),
]


def place(row: Row) -> str:
    source, *_, category, where, file = row
    return f"{category}/{where}/{source}/{file}"


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def write_list(root: Path, rows: list[Row], end: str = "\n") -> None:
    text = HEADER + "".join(
        ",".join(
            (
                source,
                *targets,
                method,
                CATEGORIES.get(category, "?"),
                category,
                *where.split("/"),
                file,
                f"FakeAVCeleb/{category}/{where}/{source}",
            )
        )
        + "\n"
        for source, *targets, method, category, where, file in rows
    )
    (root / "meta_data.csv").write_bytes(text.replace("\n", end).encode())


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "data" / "FakeAVCeleb_v1.2"
    touch(folder, *map(place, ROWS))
    write_list(folder, ROWS)
    return folder


# --- records --------------------------------------------------------------------------------


def test_what_a_record_says(root):
    found = {r.id: r for r in records(root)}
    assert set(found) == set(map(place, ROWS))
    assert all(r.path == root / r.id and r.path.is_file() for r in found.values())
    assert all(r.split is None for r in found.values())
    real = found[f"{RVRA}/{MEN}/id00076/00109.mp4"]
    assert (real.label, real.method, real.original) == (0, None, None)
    assert (real.group, real.identities) == ("voxceleb2/id00076", ("voxceleb2/id00076",))
    assert real.attributes == {
        "race": "African",
        "sex": "men",
        "category": RVRA,
        "generator": "real",
    }
    fake = found[f"{FVRA}/{MEN}/id00076/00109_id00166_wavtolip.mp4"]
    assert (fake.label, fake.method, fake.original) == (1, FVRA, real.id)
    assert (fake.group, fake.attributes["generator"]) == (real.group, "wav2lip")
    assert fake.identities == ("voxceleb2/id00076", "voxceleb2/id00166")
    east = next(r for r in found.values() if r.attributes["race"] == "Asian (East)" and r.label)
    assert east.original == f"{RVRA}/Asian (East)/women/id00056/00028.mp4"


def test_a_real_video_with_a_cloned_voice_is_real(root):
    (record,) = [r for r in records(root) if r.attributes["category"] == RVFA]
    assert (record.label, record.method, record.original) == (0, None, None)
    assert record.identities == ("voxceleb2/id00076",), "target1 is a file here, not a person"


def test_people_are_read_from_the_list_and_the_name(root):
    """The list may hold a number or a part of a name where a person is expected."""
    (record,) = [r for r in records(root) if r.method == FVFA]
    assert record.identities == ("voxceleb2/id00076", "voxceleb2/id00476")
    rows = [*ROWS, ("id00076", "SdP", "-", "wav2lip", FVFA, MEN, "1_id01661_SdP_id04547_x.mp4")]
    write_list(root, rows)
    touch(root, place(rows[-1]))
    record = next(r for r in records(root) if "SdP" in r.id)
    assert record.identities[1:] == ("voxceleb2/id01661", "voxceleb2/id04547")


def test_one_file_name_in_two_categories_stays_two_videos(root):
    """Fault 3."""
    rows = [*ROWS, ("id00076", "id00166", "-", "wav2lip", FVFA, MEN, "00109_id00166_wavtolip.mp4")]
    write_list(root, rows)
    touch(root, place(rows[-1]))
    same = [r for r in records(root) if r.id.endswith("/00109_id00166_wavtolip.mp4")]
    assert {r.method for r in same} == {FVRA, FVFA}
    assert len({r.id for r in same}) == 2


def test_a_video_listed_as_made_by_two_methods_is_one(root):
    rows = [*ROWS, ("id00076", "id00600", "-", "faceswap", *ROWS[4][4:])]
    write_list(root, rows)
    (record,) = [r for r in records(root) if r.id == place(ROWS[4])]
    assert record.attributes["generator"] == "faceswap+wav2lip"
    assert record.identities[1:] == ("voxceleb2/id00166", "voxceleb2/id00600")


def test_no_original_where_it_cannot_be_told(root):
    touch(root, f"{RVRA}/{MEN}/id00076/00110.mp4")
    assert {r.original for r in records(root) if r.label and "id00076/" in r.id} == {None}
    orphan = ("id00999", "id00998", "-", "fsgan", FVRA, MEN, "00001_id00998_x.mp4")
    write_list(root, [*ROWS, orphan])
    (record,) = [r for r in records(root) if r.id == place(orphan)]
    assert (record.original, record.group) == (None, "voxceleb2/id00999")


# --- what is on disk ------------------------------------------------------------------------


def test_listed_and_lost_is_a_record_and_so_is_there_and_unlisted(root):
    lost = root / place(ROWS[4])
    lost.unlink()
    extra = f"{FVRA}/Caucasian (American)/men/id00088/00005_id01124_wavtolip.mp4"
    touch(root, extra)
    found = {r.id: r for r in records(root)}
    assert [r.path for r in found.values() if not r.path.exists()] == [lost]
    assert found[place(ROWS[4])].label == 1
    assert found[extra].identities == ("voxceleb2/id00088", "voxceleb2/id01124")
    assert found[extra].attributes == {
        "race": "Caucasian (American)",
        "sex": "men",
        "category": FVRA,
    }


def test_what_is_no_video_is_no_record(root):
    before = list(records(root))
    touch(
        root,
        f"{RVRA}/{MEN}/id00076/00109.mp4:Zone.Identifier",
        f"{RVRA}/{MEN}/id00076/._00109.mp4",
        f"{RVRA}/{MEN}/id00076/.cache/00109.mp4",
        f"{RVRA}/{MEN}/id00076/00109.wav",
        f"{RVRA}/{MEN}/00109.mp4",
        "FakeVideo/African/men/id00076/00109.mp4",
    )
    assert list(records(root)) == before


def test_endings_in_capitals_and_renamed_folders_are_found(root):
    (root / place(ROWS[0])).rename((root / place(ROWS[0])).with_suffix(".MP4"))
    for category in (RVRA, FVRA):
        (root / category / "Asian (East)").rename(root / category / "Asian_East")
    found = list(records(root))
    assert len(found) == len(ROWS)
    assert all(r.path.is_file() and r.path == root / r.id for r in found)
    assert {r.attributes.get("generator") for r in found if "Asian_East" in r.id} == {
        "real",
        "faceswap",
    }
    upper = f"{RVRA}/{MEN}/id00076/00109.MP4"
    assert upper in {r.id for r in found}
    assert {r.original for r in found if r.label and "id00076" in r.group} == {upper}


def test_two_files_that_are_one_video_are_an_error(root):
    touch(root, f"{RVRA}/{MEN}/id00076/00109.MP4")
    with pytest.raises(DataError, match="are one video: move one"):
        list(records(root))


def test_links_are_followed_and_lost_ones_are_records(root, tmp_path):
    (root / RVRA / MEN / "id00166/00010.mp4").unlink()
    (root / RVRA / MEN / "id00166/00010.mp4").symlink_to(tmp_path / "gone.mp4")
    link = tmp_path / "link"
    link.symlink_to(root, target_is_directory=True)
    found = list(records(link))
    assert len(found) == len(ROWS)
    assert [r.id for r in found if not r.path.exists()] == [place(ROWS[1])]


def test_a_category_that_is_listed_and_not_there_is_named(root):
    (root / FVFA).rename(root.parent / FVFA)
    with pytest.raises(DataError, match=r"no videos in FakeVideo-FakeAudio, which meta_data\.csv"):
        list(records(root))


def test_without_its_list_it_is_not_read(root):
    (root / "meta_data.csv").unlink()
    with pytest.raises(DataError, match=r"lacks meta_data\.csv, which says whose faces"):
        list(records(root))


def test_one_level_off_or_another_dataset(root, tmp_path):
    for where in (root.parent, root / RVRA):
        with pytest.raises(DataError, match="is not FakeAVCeleb") as caught:
            list(records(where))
        assert f"Did you mean {root}?" in str(caught.value)
    touch(tmp_path / "other", "real/a.mp4")
    with pytest.raises(DataError, match="is not FakeAVCeleb: none of RealVideo-RealAudio"):
        list(records(tmp_path / "other"))


# --- the list -------------------------------------------------------------------------------


def test_the_list_as_editors_leave_it(root):
    """Byte order mark, CRLF, stray spaces, an empty line."""
    before = list(records(root))
    write_list(root, ROWS, end="\r\n")
    file = root / "meta_data.csv"
    text = file.read_bytes().replace(b"id00166,-", b" id00166 ,-").replace(b"A,Real", b"A, Real")
    file.write_bytes(b"\xef\xbb\xbf" + text + b"\r\n")
    assert list(records(root)) == before


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("id00076", "-", "-", "real", "RealVideo", MEN, "1.mp4"), "line 9: 'RealVideo' of"),
        (("00076", "-", "-", "real", RVRA, MEN, "1.mp4"), "of '00076' is none"),
        (("../x", "-", "-", "real", RVRA, MEN, "1.mp4"), "of '../x' is none"),
        (("id00076", "-", "-", "real", RVRA, MEN, "../id1/1.mp4"), "no place of a video"),
        (("id00076", "-", "-", "real", RVRA, MEN, ".."), "no place of a video"),
        (("id00076", "-", "-", "real", RVRA, MEN, r"..\1.mp4"), "no place of a video"),
        (("id00076", "-", "-", "real", RVRA, MEN, "/etc/passwd"), "no place of a video"),
        (("id00076", "-", "-", "real", RVRA, "/men", "1.mp4"), "no place of a video"),
        (("id00076", "-", "-", "real", RVRA, "../men", "1.mp4"), "no place of a video"),
        (("id00076", "-", "-", "real", RVRA, MEN, ""), "no place of a video"),
    ],
)
def test_a_list_that_does_not_hold(root, row, says):
    """Fault 9 and paths that climb."""
    write_list(root, [*ROWS, row])
    with pytest.raises(DataError, match=says) as caught:
        list(records(root))
    assert "meta_data.csv, line 9" in str(caught.value)


def test_a_list_without_its_columns_or_of_other_videos(root):
    (root / "meta_data.csv").write_text("path,label\na.mp4,real\n")
    with pytest.raises(DataError, match="must name a column source"):
        list(records(root))
    write_list(root, [(*row[:6], f"x{row[6]}") for row in ROWS])
    with pytest.raises(DataError, match="names none of the videos"):
        list(records(root))


# --- the split ------------------------------------------------------------------------------


def crowd(tied: bool) -> list[Row]:
    """Ten groups of people, each swapped within its group; tied: also across."""
    rng = random.Random(0)
    races = [
        "African",
        "Asian (East)",
        "Asian (South)",
        "Caucasian (American)",
        "Caucasian (European)",
    ]
    people = {
        f"{race}/{sex}": [f"id{n + 20 * (5 * (sex == 'men') + i):05}" for n in range(20)]
        for i, race in enumerate(races)
        for sex in ("men", "women")
    }
    rows: list[Row] = []
    for where, group in people.items():
        for person in group:
            rows.append((person, "-", "-", "real", RVRA, where, "00001.mp4"))
            rows.append((person, "00001_fake.mp4", "-", "rtvc", RVFA, where, "00001_fake.mp4"))
            others = sorted({p for g in people.values() for p in g} if tied else group)
            for category, number in ((FVRA, 4), (FVFA, 5)):
                for other in rng.sample([p for p in others if p != person], number):
                    file = f"00001_{other}_x.mp4"
                    rows.append((person, other, "-", "faceswap", category, where, file))
    return rows


@pytest.mark.parametrize("tied", [False, True])
def test_the_split_is_by_people_and_has_both_classes(tmp_path, tied):
    """Fault 2: a split by folder would test on faces that were trained on as targets."""
    rows = crowd(tied)
    touch(tmp_path, *map(place, rows))
    write_list(tmp_path, rows)
    listing = read_dataset("fakeavceleb", open_catalogue(), {"fakeavceleb": tmp_path}, tmp_path)
    assert Counter(r.label for r in records(tmp_path)) == {0: 400, 1: 1800}
    assert check_leaks(listing.records, "fakeavceleb")
    where: dict = {}
    for record in listing.records:
        for key in keys(record):
            where.setdefault(key, set()).add(record.split)
    assert all(len(splits) == 1 for splits in where.values())
    assert {(r.split, r.label) for r in listing.records} == {(s, n) for s in SPLITS for n in (0, 1)}
    assert Counter(r.label for r in listing.records)[0] == 400


def test_the_card_counts_by_picture():
    counts = open_catalogue().dataset("fakeavceleb")[1].counts
    assert counts == {"real": 500 + 500, "fake": 9709 + 10835}
