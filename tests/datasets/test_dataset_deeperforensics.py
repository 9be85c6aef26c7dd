"""DeeperForensics-1.0: actors in FaceForensics++'s clips, split by the official lists."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import SPLITS
from dfbench.data.leaks import check_across, check_leaks
from dfbench.data.listing import read_dataset
from dfbench.errors import DataError, OptionError, SplitError
from dfbench_deeperforensics.records import VARIANTS, read_swaps, records
from dfbench_ffpp.records import records as ffpp

REALS = "original_sequences/youtube/c23/videos"
SWAPS = {
    "train": ["030_W008", "069_W013", "170_W029", "695_M005", "697_M005"],
    "val": ["263_W111", "291_M018"],
    "test": ["075_W014", "508_W135", "516_W135"],
}


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def write_lists(root: Path, swaps: dict[str, list[str]]) -> None:
    folder = root / "lists" / "splits"
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        (folder / f"{split}.txt").write_text("".join(f"{name}.mp4\n" for name in swaps[split]))


def write_variants(root: Path, *variants: str) -> None:
    for variant in variants:
        for name in (name for names in SWAPS.values() for name in names):
            touch(root, f"manipulated_videos/{variant}/{name}.mp4")


def write_reals(root: Path) -> None:
    touch(root, *(f"{REALS}/{n[:3]}.mp4" for names in SWAPS.values() for n in names))


@pytest.fixture
def root(tmp_path) -> Path:
    """The official layout with a few official names, FaceForensics++'s originals in the root."""
    place = tmp_path / "data" / "DeeperForensics-1.0"
    write_lists(place, SWAPS)
    write_variants(place, "end_to_end", "end_to_end_level_5")
    write_reals(place)
    touch(place, "source_videos/M005/BlendShape/camera_front/M005_BlendShape_camera_front.mp4")
    return place


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Lists of the official size: 1,000 clips by 100 actors, 71, 9 and 20 of them to a split."""
    root = tmp_path_factory.mktemp("deeperforensics")
    sizes = {"train": (703, range(71)), "val": (96, range(71, 80)), "test": (201, range(80, 100))}
    clips = iter(range(1000))
    swaps = {
        split: [
            f"{next(clips):03}_{'MW'[n % 2]}{actors[n % len(actors)]:03}" for n in range(number)
        ]
        for split, (number, actors) in sizes.items()
    }
    write_lists(root, swaps)
    touch(root, f"{REALS}/000.mp4", *(f"manipulated_videos/{v}/000_M000.mp4" for v in VARIANTS))
    return root


# --- the official split ---------------------------------------------------------------------


def test_lists_of_the_official_size_give_the_published_numbers(whole):
    """Fault 2: 703, 96 and 201, disjoint by clip, original and actor."""
    listing = read_dataset("deeperforensics", open_catalogue(), {"deeperforensics": whole}, whole)
    counts = Counter(
        key
        for r in listing.records
        for key in (("real", "fake")[r.label], f"{r.split}/{('real', 'fake')[r.label]}")
    )
    assert counts == listing.card.counts
    assert listing.own_split
    assert check_leaks(listing.records, "deeperforensics", overlap="")


def test_all_variants_of_a_swap_stay_apart(whole):
    """Fault 3: each of the eleven variants holds videos of the same names."""
    found = list(records(whole, methods="+".join(VARIANTS)))
    assert len({r.id for r in found}) == len(found) == 12_000
    assert Counter(r.method for r in found if r.label) == dict.fromkeys(VARIANTS, 1000)


def test_what_a_record_says(root):
    found = {r.id: r for r in records(root, "end_to_end+end_to_end_level_5")}
    assert Counter(r.split for r in found.values()) == {"train": 15, "val": 6, "test": 9}
    real = found[f"{REALS}/075.mp4"]
    assert (real.label, real.split, real.method, real.original) == (0, "test", None, None)
    assert (real.identities, real.attributes) == (("ffpp/075",), {"compression": "c23"})
    fake = found["manipulated_videos/end_to_end_level_5/075_W014.mp4"]
    assert (fake.label, fake.split, fake.method) == (1, "test", "end_to_end_level_5")
    assert fake.original == fake.group == real.id == real.group
    assert fake.identities == ("ffpp/075", "deeperforensics/W014")
    assert fake.attributes == {"distortion": "5"}
    assert all(r.path == root / r.id and r.path.is_file() for r in found.values())
    assert not any("\\" in r.id for r in found.values())  # fault 9


@pytest.mark.parametrize(
    ("variant", "level"),
    [
        ("end_to_end", "none"),
        ("reenact_postprocess", "none"),
        ("end_to_end_level_1", "1"),
        ("end_to_end_random_level", "random"),
        ("end_to_end_mix_4_distortions", "mix_4"),
    ],
)
def test_the_folder_names_the_distortion(whole, variant, level):
    fakes = [r for r in records(whole, methods=variant) if r.label]
    assert {r.attributes["distortion"] for r in fakes} == {level}


def test_clips_that_ffpp_was_trained_on_are_seen(root):
    """Both datasets name FaceForensics++'s clips alike."""
    for split, clips in (("train", ["075", "100"]), ("val", ["101", "102"]), ("test", ["1", "2"])):
        (root / f"{split}.json").write_text(f"[{clips}]".replace("'", '"'))
    touch(root, "manipulated_sequences/FaceSwap/c23/videos/075_100.mp4")
    trained = [r for r in ffpp(root, methods="FaceSwap") if r.split != "test"]
    tested = [r for r in records(root) if r.split == "test"]
    with pytest.raises(SplitError, match=r"075.*share the person 'ffpp/075'|are one file"):
        check_across(trained, tested, ("ffpp", "deeperforensics"))


# --- options --------------------------------------------------------------------------------


def test_variants_are_chosen_in_any_spelling_and_order(root):
    found = records(root, "END_TO_END_LEVEL_5, end_to_end")
    assert list(dict.fromkeys(r.method for r in found if r.label)) == [
        "end_to_end",
        "end_to_end_level_5",
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"methods": "end_to_end_level_6"}, r"no 'end_to_end_level_6'\. Did you mean end_to_end"),
        ({"methods": "../lists"}, "There are: end_to_end, end_to_end_level_1"),
        ({"methods": ""}, "There are: end_to_end"),
        ({"compression": "c0"}, "There are: raw, c23, c40"),
    ],
)
def test_an_unknown_choice_names_the_choices(root, options, says):
    with pytest.raises(OptionError, match=says):
        list(records(root, **options))


def test_an_absent_variant_names_those_on_disk(root):
    with pytest.raises(
        DataError,
        match=r"level_1 holds no videos: get them, or take methods=end_to_end\+end_to_end_level_5",
    ):
        list(records(root, methods="end_to_end_level_1"))


# --- the real class -------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["..", "../FaceForensics++"])
def test_originals_beside_the_root_have_the_same_ids(root, place):
    before = [(r.id, r.original) for r in records(root)]
    target = (root / place).resolve()
    target.mkdir(exist_ok=True)
    (root / "original_sequences").rename(target / "original_sequences")
    found = list(records(root))
    assert [(r.id, r.original) for r in found] == before
    assert all(r.path.is_file() for r in found)


def test_no_originals_says_where_they_come_from(root):
    with pytest.raises(
        DataError, match=r"real videos of .* are FaceForensics\+\+'s.*youtube/c40/videos.*ondyari"
    ):
        list(records(root, compression="c40"))


# --- what is on disk ------------------------------------------------------------------------


def test_listed_videos_are_records_and_others_are_not(root):
    lost = root / "manipulated_videos/end_to_end/508_W135.mp4"
    lost.unlink()
    gone = root / REALS / "508.mp4"
    gone.unlink()
    gone.symlink_to(root / "nowhere.mp4")
    before = [r.id for r in records(root)]
    touch(
        root,
        "manipulated_videos/end_to_end/999_M101.mp4",
        "manipulated_videos/end_to_end/075_W014.mp4:Zone.Identifier",
        "manipulated_videos/end_to_end/._075_W014.mp4",
        f"{REALS}/999.mp4",
    )
    found = list(records(root))
    assert [r.id for r in found] == before
    assert [r.path for r in found if not r.path.exists()] == [gone, lost]


def test_endings_in_capitals_keep_originals_and_fakes_together(root):
    for path in [*root.rglob("075*.mp4")]:
        path.rename(path.with_suffix(".MP4"))
    found = {r.id: r for r in records(root)}
    fake = found["manipulated_videos/end_to_end/075_W014.MP4"]
    assert found[fake.original].path.is_file()


def test_one_level_off_or_another_dataset(root, tmp_path):
    for place in (root.parent, root / "manipulated_videos"):
        with pytest.raises(DataError, match="is not DeeperForensics") as caught:
            list(records(place))
        assert f"Did you mean {root}?" in str(caught.value)
    touch(tmp_path / "ffpp", "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4")
    with pytest.raises(DataError, match="is not DeeperForensics"):
        list(records(tmp_path / "ffpp"))


# --- the lists ------------------------------------------------------------------------------


def test_lists_as_editors_leave_them(root):
    """Byte order mark, CRLF, stray spaces, an empty line, no ending, no newline at the end."""
    before = list(records(root))
    text = "\ufeff 075_W014.mp4 \r\n\r\n508_W135\r\n516_w135.MP4"
    (root / "lists/splits/test.txt").write_bytes(text.encode())
    assert list(records(root)) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("263_W111.mp4\n030_W009.mp4\n", r"clip 030 stands in train\.txt already"),
        ("030_W008.mp4\n", r"stands in train\.txt already"),
        ("263_W111.mp4\n263_W111.mp4\n", r"swap 263_W111\.mp4 stands in val\.txt already"),
        ("../263_W111.mp4\n", "is not named"),
        ("end_to_end/263_W111.mp4\n", "is not named"),
        ("263_291.mp4\n", "is not named"),
        ("263_W111.avi\n", "is not named"),
        ("263_W111.mp4 0\n", "is not named"),
    ],
)
def test_lists_that_do_not_hold(root, text, says):
    (root / "lists/splits/val.txt").write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        list(records(root))
    assert "val.txt" in str(caught.value)


def test_two_actors_in_one_clip_of_one_split_are_two_fakes_of_one_original(root):
    (root / "lists/splits/val.txt").write_text("263_W111.mp4\n263_W110.mp4\n")
    assert [s.name for s in read_swaps(root / "lists/splits") if s.split == "val"] == [
        "263_W111",
        "263_W110",
    ]
    found = [r for r in records(root) if r.split == "val"]
    assert Counter(r.label for r in found) == {0: 1, 1: 2}


def test_an_actor_in_two_splits_stops(root):
    """The official lists share none (71, 9 and 20 of 100), so the card declares no overlap."""
    (root / "lists/splits/val.txt").write_text("263_W014.mp4\n")
    with pytest.raises(SplitError, match="share the person 'deeperforensics/W014'"):
        read_dataset("deeperforensics", open_catalogue(), {"deeperforensics": root}, root)


def test_a_missing_list_is_named(root):
    (root / "lists/splits/test.txt").unlink()
    with pytest.raises(DataError, match=r"lacks test\.txt, the official split"):
        list(records(root))
