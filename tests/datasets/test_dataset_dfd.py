"""DeepFakeDetection (DFD): actors in scenes, and a split by people that is made here."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import SPLITS
from dfbench.data.leaks import check_leaks
from dfbench.data.listing import read_dataset
from dfbench.data.splits import clusters, keys, make_split
from dfbench.errors import DataError, OptionError
from dfbench_ffpp.dfd import records

REAL = "original_sequences/actors/c23/videos"
FAKE = "manipulated_sequences/DeepFakeDetection/c23/videos"
SCENES = [
    "exit_phone_room",
    "hugging_happy",
    "kitchen_pan",
    "kitchen_still",
    "meeting_serious",
    "outside_talking_pan_laughing",
    "outside_talking_still_laughing",
    "podium_speech_happy",
    "secret_conversation",
    "talking_against_wall",
    "talking_angry_couch",
    "walk_down_hall_angry",
    "walking_and_outside_surprised",
    "walking_down_indoor_hall_disgust",
    "walking_down_street_outside_angry",
    "walking_outside_cafe_disgusted",
]


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


@pytest.fixture
def root(tmp_path) -> Path:
    """The official layout and names; one pair and scene swapped twice."""
    place = tmp_path / "data" / "FaceForensics++"
    touch(
        place,
        f"{REAL}/01__kitchen_pan.mp4",
        f"{REAL}/01__outside_talking_still_laughing.mp4",
        f"{REAL}/27__walking_and_outside_surprised.mp4",
        f"{FAKE}/01_03__kitchen_pan__JZUXXFRB.mp4",
        f"{FAKE}/01_27__outside_talking_still_laughing__S2YCUY48.mp4",
        f"{FAKE}/01_27__outside_talking_still_laughing__ZYCZ30C0.mp4",
        f"{FAKE}/27_01__talking_against_wall__S2YCUY48.mp4",
    )
    return place


def write_all(root: Path) -> None:
    """363 and 3,068 videos of 28 actors: each in 12 or 13 scenes, and swapped with a few others
    of the same sex in some of them, which ties all of a sex together; two in a hundred with
    anyone, which ties everyone."""
    rng = random.Random(0)
    actors = [f"{n:02}" for n in range(1, 29)]
    scenes = {actor: rng.sample(SCENES, 13) for actor in actors}
    scenes[actors[-1]] = scenes[actors[-1]][:12]
    real = [f"{REAL}/{actor}__{scene}.mp4" for actor in actors for scene in scenes[actor]]
    pairs = []
    for actor in actors:
        mine = [a for a in actors if a != actor and (int(a) < 12) == (int(actor) < 12)]
        others = [a for a in actors if (int(a) < 12) != (int(actor) < 12)]
        pairs += [(actor, source) for source in rng.sample(mine, 10)]
        pairs += [(actor, rng.choice(others))] if rng.random() < 0.2 else []
    swaps = [(t, s, scene) for t, s in pairs for scene in scenes[t]]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    fake = [
        f"{FAKE}/{t}_{s}__{scene}__{''.join(rng.choices(letters, k=8))}.mp4"
        for t, s, scene in rng.sample(swaps, 3068)
    ]
    touch(root, *real[:363], *fake)


# --- records --------------------------------------------------------------------------------


def test_what_a_record_says(root):
    found = {r.id: r for r in records(root)}
    assert Counter(r.label for r in found.values()) == {0: 3, 1: 4}
    real = found[f"{REAL}/01__kitchen_pan.mp4"]
    assert (real.label, real.split, real.method, real.original) == (0, None, None, None)
    assert (real.group, real.identities) == ("dfd/01", ("dfd/01",))
    assert real.attributes == {"scene": "kitchen_pan", "compression": "c23"}
    fake = found[f"{FAKE}/01_03__kitchen_pan__JZUXXFRB.mp4"]
    assert (fake.label, fake.split, fake.method) == (1, None, "DeepFakeDetection")
    assert (fake.group, fake.identities) == ("dfd/01", ("dfd/01", "dfd/03"))
    assert fake.original == real.id
    assert fake.attributes == real.attributes
    assert all(r.path == root / r.id and r.path.is_file() for r in found.values())
    assert not any("\\" in r.id for r in found.values())  # fault 9


def test_two_swaps_of_one_pair_and_scene_stay_apart(root):
    """Fault 3: they differ in their last eight characters alone."""
    twice = [r for r in records(root) if "01_27__" in r.id]
    assert len({r.id for r in twice}) == 2
    assert len({r.original for r in twice}) == 1


def test_an_original_that_is_not_on_disk_is_named_all_the_same(root):
    (fake,) = [r for r in records(root) if "27_01__" in r.id]
    assert fake.original == f"{REAL}/27__talking_against_wall.mp4"
    assert not (root / fake.original).exists()


def test_endings_in_capitals_keep_originals_and_fakes_together(root):
    for path in sorted(root.rglob("*kitchen_pan*.mp4")):
        path.rename(path.with_suffix(".MP4"))
    real, fake = (r for r in records(root) if r.attributes["scene"] == "kitchen_pan")
    assert fake.original == real.id == f"{REAL}/01__kitchen_pan.MP4"
    assert real.path.is_file()


def test_what_is_no_video_is_no_record(root):
    before = list(records(root))
    touch(
        root,
        f"{REAL}/01__kitchen_pan.mp4:Zone.Identifier",
        f"{REAL}/._01__kitchen_pan.mp4",
        f"{REAL}/.DS_Store",
        f"{FAKE}/01_03__kitchen_pan__JZUXXFRB.mp4.part",
        "manipulated_sequences/DeepFakeDetection/masks/videos/01_03__kitchen_pan__JZUXXFRB.mp4",
        "original_sequences/youtube/c23/videos/000.mp4",
    )
    assert list(records(root)) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (f"{REAL}/01__kitchen_pan (1).mp4", "not named"),
        (f"{REAL}/000.mp4", "not named"),
        (f"{REAL}/01_03__kitchen_pan__JZUXXFRB.mp4", "not named"),
        (f"{FAKE}/01__kitchen_pan.mp4", "not named"),
        (f"{FAKE}/01_03__kitchen_pan__JZUXX.mp4", "not named"),
        (f"{FAKE}/000_003.mp4", "not named"),
        (f"{REAL}/01__kitchen_pan.MP4", "are one video"),
    ],
)
def test_a_video_that_does_not_say_whom_it_shows_is_an_error(root, name, says):
    """Left in without its people it would leak, left out in silence it would be lost."""
    touch(root, name)
    with pytest.raises(DataError, match=says):
        list(records(root))


def test_a_lost_link_is_a_record(root, tmp_path):
    (root / REAL / "02__kitchen_pan.mp4").symlink_to(tmp_path / "gone.mp4")
    (lost,) = [r for r in records(root) if not r.path.exists()]
    assert lost.identities == ("dfd/02",)


def test_compressions(root):
    with pytest.raises(OptionError, match="There are: raw, c23, c40"):
        list(records(root, "c0"))
    with pytest.raises(DataError, match=r"actors/raw/videos holds no videos.*compression=c23"):
        list(records(root, "raw"))
    touch(root, "original_sequences/actors/raw/videos/01__kitchen_pan.mp4")
    with pytest.raises(DataError, match=r"DeepFakeDetection/raw/videos holds no.*compression=c23"):
        list(records(root, "raw"))


def test_one_level_off_or_another_dataset(root, tmp_path):
    for place in (root.parent, root / "original_sequences"):
        with pytest.raises(DataError, match=r"is not DFD.*Did you mean") as caught:
            list(records(place))
        assert f"Did you mean {root}?" in str(caught.value)
    touch(tmp_path / "ffpp", "original_sequences/youtube/c23/videos/000.mp4")
    with pytest.raises(DataError, match="is not DFD: no original_sequences/actors"):
        list(records(tmp_path / "ffpp"))
    touch(tmp_path / "half", f"{REAL}/01__kitchen_pan.mp4")
    with pytest.raises(DataError, match="no manipulated_sequences/DeepFakeDetection: get it"):
        list(records(tmp_path / "half"))


# --- the split ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dfd")
    write_all(root)
    return root


def test_the_split_is_by_actor_and_has_both_classes(whole):
    """Fault 2: DFD comes without a split, and the field uses all of it three times over."""
    listing = read_dataset("dfd", open_catalogue(), {"dfd": whole}, whole)
    assert not listing.own_split
    found = list(records(whole))
    assert Counter(("real", "fake")[r.label] for r in found) == listing.card.counts
    assert max(map(len, clusters(found))) == len(found), "everyone is tied to everyone"
    where: dict[tuple[str, str], set] = {}
    for record in listing.records:
        for key in keys(record):
            where.setdefault(key, set()).add(record.split)
    assert all(len(splits) == 1 for splits in where.values())
    assert len({p for r in listing.records for p in r.identities}) == 28
    assert "28 people" in listing.note
    for split in SPLITS:
        classes = Counter(r.label for r in listing.of(split))
        assert classes[0] >= 20, split
        assert classes[1] >= 20, split
    assert Counter(r.label for r in listing.records)[0] == 363, "no real video is left out"


@pytest.mark.parametrize("seed", range(10))
def test_no_seed_leaks_or_empties_a_split(whole, seed):
    made = make_split(list(records(whole)), seed)
    assert check_leaks(made, "dfd")
    assert {(r.split, r.label) for r in made} == {(s, label) for s in SPLITS for label in (0, 1)}


def test_only_tested_on_all_of_it_is_the_test_set(whole):
    listing = read_dataset("dfd", open_catalogue(), {"dfd": whole}, whole, trained_on=False)
    assert Counter(r.split for r in listing.records) == {"test": 363 + 3068}
