"""FaceForensics++ as it lies on disk: the official pairs, and what people's copies look like."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from ffpp_copy import write_lists, write_videos
from listed_files import touch

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import SPLITS
from dfbench.data.leaks import check_across, check_leaks
from dfbench.data.listing import read_dataset
from dfbench.errors import DataError, OptionError, SplitError
from dfbench_ffpp.records import METHODS, read_pairs, records


@pytest.fixture
def root(tmp_path) -> Path:
    """The official layout with a few official pairs; the default methods in c23."""
    place = tmp_path / "data" / "FaceForensics++"
    write_videos(place)
    write_lists(place)
    return place


@pytest.fixture(scope="module")
def official(shared, tmp_path_factory) -> Path:
    """All official pairs, each method and each original as one file, so that folders exist."""
    root = tmp_path_factory.mktemp("ffpp")
    for split in SPLITS:
        text = (shared / "data/metadata/ffpp" / f"{split}.json").read_text()
        touch(root, f"{split}.json")
        (root / f"{split}.json").write_text(text)
    for compression in ("raw", "c23", "c40"):
        touch(root, f"original_sequences/youtube/{compression}/videos/000.mp4")
        for method in METHODS:
            touch(root, f"manipulated_sequences/{method}/{compression}/videos/000_003.mp4")
    return root


# --- the official split ---------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["raw", "c23", "c40"])
def test_the_official_lists_give_the_published_numbers(official, compression):
    """Fault 2: 720, 140 and 140 clips and as many fakes by each method, and nothing shared."""
    found = list(records(official, compression, "+".join(METHODS)))
    assert Counter((r.split, r.method) for r in found) == {
        (split, method): number
        for split, number in (("train", 720), ("val", 140), ("test", 140))
        for method in (None, *METHODS)
    }
    assert check_leaks(found, "ffpp", overlap="")  # strict: no video, original or id is shared
    assert all(r.attributes == {"compression": compression} for r in found)


def test_the_card_publishes_what_the_lists_give(official):
    listing = read_dataset("ffpp", open_catalogue(), {"ffpp": official}, official)
    counts = Counter(
        key
        for r in listing.records
        for key in (("real", "fake")[r.label], f"{r.split}/{('real', 'fake')[r.label]}")
    )
    assert counts == listing.card.counts
    assert listing.own_split


def test_the_four_manipulations_of_one_pair_stay_apart(official):
    """Fault 3: 000_003 exists once for each method, and every one keeps its own id."""
    found = list(records(official, methods="+".join(METHODS)))
    assert len({r.id for r in found}) == len(found) == 6000
    same = {r.id: r.method for r in found if r.id.endswith("/000_003.mp4")}
    assert same == {
        f"manipulated_sequences/{method}/c23/videos/000_003.mp4": method for method in METHODS
    }


def test_seven_youtube_videos_are_on_two_sides_as_the_card_says(official):
    """Clips cut from one YouTube video, by the authors' conversion_dict.json."""
    same = [
        "331 332",
        "524 525",
        "566 567",
        "605 606",
        "614 615",
        "618 619",
        "639 640",
        "685 686 687",
        "755 756",
        "766 767",
        "769 770",
        "787 788",
        "837 838",
        "875 876",
        "883 884",
        "937 938",
        "942 943",
        "954 955",
        "967 968",
        "973 974",
        "982 983",
        "993 994",
    ]
    home = {clip: split for split, pair in read_pairs(official) for clip in pair}
    crossing = [clips for clips in same if len({home[clip] for clip in clips.split()}) > 1]
    assert len(crossing) == 7
    assert "7 have clips in two" in open_catalogue().dataset("ffpp")[1].overlap


def test_what_a_record_says(root):
    found = {r.id: r for r in records(root)}
    assert len(found) == 8 + 4 * 8
    real = found["original_sequences/youtube/c23/videos/071.mp4"]
    assert (real.label, real.split, real.method, real.original) == (0, "train", None, None)
    assert real.identities == ("ffpp/071",)
    for target, source in (("071", "054"), ("054", "071")):
        fake = found[f"manipulated_sequences/Face2Face/c23/videos/{target}_{source}.mp4"]
        assert (fake.label, fake.split, fake.method) == (1, "train", "Face2Face")
        assert fake.original == f"original_sequences/youtube/c23/videos/{target}.mp4"
        assert fake.group == fake.original == found[fake.original].group
        assert fake.identities == (f"ffpp/{target}", f"ffpp/{source}")
    assert all(r.path == root / r.id and r.path.is_file() for r in found.values())
    assert not any("\\" in r.id for r in found.values())  # fault 9


def test_trained_in_one_compression_and_tested_in_another(root):
    write_videos(root, compression="c40")
    heavy = [r for r in records(root, "c40") if r.split == "test"]
    light = [r for r in records(root) if r.split != "test"]
    check_across(light, heavy, ("ffpp", "ffpp"))
    with pytest.raises(SplitError, match="share the person"):
        check_across(light, list(records(root, "c40")), ("ffpp", "ffpp"))


# --- options --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["FaceSwap+FaceShifter", "faceshifter,FACESWAP", " FaceSwap + FaceShifter, FaceSwap"]
)
def test_methods_are_chosen_in_any_spelling_and_order(root, text):
    write_videos(root, methods=["FaceShifter"])
    fakes = [r.method for r in records(root, methods=text) if r.label == 1]
    assert list(dict.fromkeys(fakes)) == ["FaceSwap", "FaceShifter"]
    name = f"ffpp:methods={text.replace(',', '+').replace(' ', '')}"
    listed = read_dataset(name, open_catalogue(), {"ffpp": root}, root).records
    assert [r.id for r in listed] == [r.id for r in records(root, methods=text)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"methods": "FaceSwop"}, r"no 'FaceSwop'\. Did you mean FaceSwap"),
        ({"methods": "FaceSwap+nothing"}, "no 'nothing'.*There are: Deepfakes, Face2Face"),
        ({"methods": "all"}, "There are: Deepfakes"),
        ({"methods": ""}, "There are: Deepfakes"),
        ({"methods": "+,"}, "There are: Deepfakes"),
        ({"compression": "c24"}, "no 'c24'.*There are: raw, c23, c40"),
        ({"compression": "raw+c23"}, "takes one of raw, c23, c40"),
        ({"compression": "../c23"}, "There are: raw, c23, c40"),
    ],
)
def test_an_unknown_choice_names_the_choices(root, options, says):
    with pytest.raises(OptionError, match=says) as caught:
        list(records(root, **options))
    assert "\n" not in str(caught.value)


# --- what is on disk ------------------------------------------------------------------------


def test_listed_videos_are_records_and_others_are_not(root):
    """A lost file keeps its row; masks, copies and other people's files get none."""
    lost = root / "manipulated_sequences/Deepfakes/c23/videos/974_953.mp4"
    lost.unlink()
    before = [r.id for r in records(root)]
    touch(
        root,
        "manipulated_sequences/Deepfakes/masks/videos/071_054.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/999_998.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/071_054 (1).mp4",
        "original_sequences/youtube/c23/videos/998.mp4",
        "original_sequences/youtube/c23/videos/071.mp4:Zone.Identifier",
        "original_sequences/youtube/c23/videos/._071.mp4",
        "original_sequences/youtube/c23/videos/.071.mp4.x7Gk",
        "original_sequences/actors/c23/videos/01__kitchen_pan.mp4",
    )
    found = list(records(root))
    assert [r.id for r in found] == before
    assert [r.path for r in found if not r.path.exists()] == [lost]


def test_endings_in_capitals_keep_originals_and_fakes_together(root):
    for path in sorted(root.rglob("071*.mp4")):
        path.rename(path.with_suffix(".MP4"))
    found = {r.id: r for r in records(root)}
    assert all(r.path.is_file() for r in found.values())
    fake = found["manipulated_sequences/FaceSwap/c23/videos/071_054.MP4"]
    assert found[fake.original].id == "original_sequences/youtube/c23/videos/071.MP4"


def test_two_files_of_one_name_are_an_error(root):
    touch(root, "original_sequences/youtube/c23/videos/071.MP4")
    with pytest.raises(DataError, match=r"071\.mp4 have one name: move one"):
        list(records(root))


def test_links_are_followed(root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root, target_is_directory=True)
    videos = root / "original_sequences/youtube/c23/videos"
    videos.rename(tmp_path / "elsewhere")
    videos.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere/054.mp4").unlink()
    (tmp_path / "elsewhere/054.mp4").symlink_to(tmp_path / "gone.mp4")
    found = {r.id: r for r in records(link)}
    assert len(found) == 40
    assert not found["original_sequences/youtube/c23/videos/054.mp4"].path.exists()


def test_an_absent_method_is_named(root):
    with pytest.raises(DataError, match=r"no manipulated_sequences/FaceShifter: get it, or choose"):
        list(records(root, methods="FaceShifter"))


def test_an_absent_compression_names_those_that_are_there(root):
    with pytest.raises(DataError, match=r"youtube/c40/videos holds no videos.*compression=c23"):
        list(records(root, "c40"))
    write_videos(root, methods=["Deepfakes", "Face2Face", "FaceSwap"], compression="raw")
    touch(root, "manipulated_sequences/NeuralTextures/c40/videos/071_054.mp4")
    with pytest.raises(DataError, match=r"NeuralTextures/raw/videos.*compression=c23 or c40"):
        list(records(root, "raw"))
    (root / "manipulated_sequences/FaceShifter/masks").mkdir(parents=True)
    with pytest.raises(DataError, match=r"FaceShifter holds no videos in raw, c23, c40"):
        list(records(root, methods="FaceShifter"))


@pytest.mark.parametrize(
    "step", ["..", "../..", "original_sequences", "original_sequences/youtube"]
)
def test_one_level_off_says_where(root, step):
    place = (root / step).resolve()
    with pytest.raises(DataError, match=r"is not FaceForensics\+\+.*Did you mean") as caught:
        list(records(place))
    assert f"Did you mean {root}?" in str(caught.value)


def test_another_dataset(tmp_path):
    touch(tmp_path, "Celeb-real/id0_0000.mp4", "Celeb-synthesis/id0_id1_0000.mp4")
    with pytest.raises(DataError, match=r"is not FaceForensics\+\+: no original_sequences/youtube"):
        list(records(tmp_path))


# --- the lists ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["splits", "dataset/splits", "..", "../splits"])
def test_lists_are_found_in_and_beside_the_root(root, place):
    before = list(records(root))
    for split in SPLITS:
        (root / f"{split}.json").unlink()
    with pytest.raises(DataError, match=r"lacks the official.*ondyari/FaceForensics.*splits"):
        list(records(root))
    write_lists(root / place)
    assert list(records(root)) == before


def test_another_dataset_s_list_beside_the_root_is_not_in_the_way(root):
    before = list(records(root))
    for split in SPLITS:
        (root / f"{split}.json").unlink()
    write_lists(root.parent / "splits")
    (root.parent / "test.json").write_text("{}")
    assert list(records(root)) == before


def test_one_list_missing_is_named(root):
    (root / "val.json").unlink()
    with pytest.raises(DataError, match=r"lacks val\.json: take them from github"):
        list(records(root))


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf[\r\n  [\r\n    "720",\r\n    "672"\r\n  ]\r\n]\r\n',
        b"[[720, 672]]",
        b'[[" 720", "672 "]]',
    ],
)
def test_lists_as_editors_leave_them(root, data):
    """Byte order mark, CRLF, numbers, stray spaces."""
    before = list(records(root))
    (root / "val.json").write_bytes(data)
    assert list(records(root)) == before


def test_small_numbers_are_clips_with_zeros(root):
    (root / "val.json").write_text('[[7, "12"]]')
    assert [pair for split, pair in read_pairs(root) if split == "val"] == [("007", "012")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[["071", "998"]]', r"071 stands in train\.json already"),
        ("[[71, 998]]", r"071 stands in train\.json already"),
        ('[["720", "720"]]', r"720 stands in val\.json already"),
        ('[["720", "672"], ["672", "721"]]', r"672 stands in val\.json already"),
        ('["720", "672"]', "'720' is no pair"),
        ('[["720"]]', "is no pair"),
        ('[["720", "672", "1"]]', "is no pair"),
        ('[["../720", "672"]]', "'../720' is no clip"),
        ('[["720", null]]', "None is no clip"),
        ("[[true, 672]]", "True is no clip"),
        ("[[720, -1]]", "-1 is no clip"),
        ("[[720, 1000]]", "1000 is no clip"),
        ('[["720", ""]]', "'' is no clip"),
        ('[["٧٢٠", "672"]]', "is no clip"),
        ('{"val": []}', "must hold a list"),
        ('[["720"', "damaged"),
        ("", "damaged"),
    ],
)
def test_lists_that_do_not_hold(root, text, says):
    (root / "val.json").write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        list(records(root))
    assert "val.json" in str(caught.value)
    assert "\n" not in str(caught.value)
