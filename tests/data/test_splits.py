"""Train, validation, test: nothing shared, classes in proportion, the same every time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from dfbench.catalogue.records import VideoRecord
from dfbench.data.leaks import check_across, check_leaks
from dfbench.data.splits import (
    FRACTIONS,
    assign_splits,
    check_classes,
    clusters,
    count,
    keys,
    limit,
    make_split,
)
from dfbench.errors import SplitError


def video(id: str, label: int = 0, split=None, **about) -> VideoRecord:
    return VideoRecord(id, Path("/data") / id, label, split, **about)


def crowd(seed: int = 0, originals: int = 40) -> list[VideoRecord]:
    """Originals with 0 to 6 fakes each, two people in each fake, ten people in all pairs."""
    rng = random.Random(seed)
    found = []
    for n in range(originals):
        people = (f"p{n // 2}",)
        found.append(video(f"r{n}", identities=people))
        found += [
            video(f"f{n}-{m}", 1, original=f"r{n}", method=rng.choice("ab"), identities=people)
            for m in range(rng.randrange(7))
        ]
    rng.shuffle(found)
    return found


def shared_by_splits(records: list[VideoRecord]) -> set:
    where: dict = {}
    for record in records:
        for key in keys(record):
            where.setdefault(key, set()).add(record.split)
    return {key for key, splits in where.items() if len(splits) > 1}


@pytest.mark.parametrize("seed", range(8))
def test_made_splits_share_no_original_group_or_person(seed):
    """Fault 2."""
    records = make_split(crowd(seed), seed)
    assert {r.split for r in records} == {"train", "val", "test"}
    assert shared_by_splits(records) == set()
    assert check_leaks(records, "crowd")


@pytest.mark.parametrize("seed", range(8))
def test_made_splits_are_stratified(seed):
    records = make_split(crowd(seed, 100))
    total = count(records)
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        part = count(r for r in records if r.split == split)
        for kind in ("real", "fake"):
            assert part[kind] / total[kind] == pytest.approx(share, abs=0.05)


def test_made_splits_depend_on_ids_and_seed_alone():
    records = crowd()
    first = {r.id: r.split for r in make_split(records)}
    again = {r.id: r.split for r in make_split(records[::-1])}
    moved = [replace(r, path=Path("/elsewhere") / r.id) for r in records]
    assert first == again == {r.id: r.split for r in make_split(moved)}
    assert first != {r.id: r.split for r in make_split(records, seed=1)}
    assert [r.id for r in make_split(records)] == [r.id for r in records]


def test_three_families_fill_three_splits():
    records = [video(f"r{n}") for n in range(3)]
    records += [video(f"f{n}", 1, original=f"r{n}") for n in range(3)]
    made = make_split(records)
    for split in ("train", "val", "test"):
        check_classes(made, split, "three")


def test_clusters_join_through_others():
    records = [
        video("a", identities=("x",)),
        video("b", 1, original="a", identities=("y",)),
        video("c", identities=("y",)),
        video("d", group="g"),
        video("e", group="g"),
        video("f"),
    ]
    assert sorted(sorted(r.id for r in c) for c in clusters(records)) == [
        ["a", "b", "c"],
        ["d", "e"],
        ["f"],
    ]


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (video("r", 0, "train"), video("r", 0, "test"), "video 'r'"),
        (video("r", 0, "train"), video("f", 1, "val", original="r"), "original 'r'"),
        (video("f", 1, "train", original="x"), video("g", 1, "test", original="x"), "original 'x'"),
        (video("r", 0, "val", group="g"), video("q", 0, "test", group="g"), "group 'g'"),
        (
            video("r", 0, "train", identities=("ann", "bob")),
            video("q", 0, "test", identities=("bob",)),
            "person 'bob'",
        ),
    ],
)
def test_a_leak_names_the_pair(a, b, kind):
    with pytest.raises(SplitError) as caught:
        check_leaks([video("other", 1, "train"), a, b], "set")
    for part in (a.id, b.id, a.split, b.split, kind):
        assert part in str(caught.value)


def test_a_declared_overlap_is_counted_and_carried():
    """The official split of some datasets shares people, and originals with the test set."""
    records = [
        video("a", 0, "train", identities=("ann",)),
        video("b", 0, "test", identities=("ann",)),
        video("c", 1, "test", original="b", identities=("ann", "bob")),
        video("d", 1, "val", identities=("bob",)),
    ]
    note = check_leaks(records, "set", overlap="test people appear in train")
    assert "test people appear in train" in note
    assert "person 2 times" in note
    assert "original" not in note
    assert "disjoint" not in note
    more = [*records, video("e", 1, "train", original="b"), video("f", 1, "val", original="g")]
    more += [video("h", 1, "test", original="g"), video("i", 1, "val", original="j")]
    note = check_leaks(more, "set", overlap="test people appear in train")
    assert "original 2 times" in note
    with pytest.raises(SplitError, match="original 'b'"):
        check_leaks([records[1], video("e", 1, "train", original="b")], "set")


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (video("r", 0, "train"), video("r", 0, "test"), "video 'r'"),
        (video("r", 0, "train"), video("f", 1, "val", original="r"), "original 'r'"),
        (video("r", 0, "val", group="g"), video("q", 0, "train", group="g"), "group 'g'"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_no_declaration_covers(a, b, kind, first):
    """The same video twice, and what validation, which is ours to cut, shares with train; also
    where a test video that may share it is seen before either."""
    test = [video("t", 1, "test", original="r", group="g")]
    records = [*test, a, b] if first else [a, b, *test]
    with pytest.raises(SplitError, match=f"share the {kind}"):
        check_leaks(records, "set", overlap="declared")


def test_across_datasets_files_and_people_are_compared(tmp_path):
    trained = [video("a", 0, "train", identities=("ann",)), video("b", 1, "val")]
    names = ("one", "two")
    check_across(trained, [video("c", 0, "test", identities=("bob",))], names)
    with pytest.raises(SplitError, match=r"two's test video x .* one's val video b .*one file"):
        check_across(trained, [VideoRecord("x", Path("/data/./b"), 1, "test")], names)
    with pytest.raises(SplitError, match="person 'ann'"):
        check_across(trained, [video("z", 0, "test", identities=("ann",))], names)
    (tmp_path / "v").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "v")
    with pytest.raises(SplitError, match="one file"):
        check_across(
            [VideoRecord("v", tmp_path / "v", 0, "train")],
            [VideoRecord("w", tmp_path / "link", 0, "test")],
            names,
        )


def test_people_shared_as_declared_do_not_stop_a_dataset_trained_on_itself():
    trained = [video("a", 0, "train", identities=("ann",))]
    tested = [video("b", 1, "test", original="a", identities=("ann", "bob"))]
    check_across(trained, tested, ("one", "one"), overlap="people are on both sides")
    for names, overlap in ((("one", "one"), ""), (("two", "one"), "people are on both sides")):
        with pytest.raises(SplitError, match="person 'ann'"):
            check_across(trained, tested, names, overlap)
    with pytest.raises(SplitError, match="one file"):
        check_across(trained, [*tested, video("a", 0, "test")], ("one", "one"), overlap="people")


def test_an_original_shared_as_declared_does_not_stop_it_either():
    """Also where nobody knows the people: the leak check of the one dataset lets it pass."""
    records = [video("a", 0, "train"), video("b", 1, "test", original="a")]
    assert "original 1 times" in check_leaks(records, "one", overlap="originals")
    check_across(records[:1], records[1:], ("one", "one"), overlap="originals")
    with pytest.raises(SplitError, match="share the video 'a'"):
        check_across(records[:1], records[1:], ("one", "one"))
    same = VideoRecord("a", Path("/data/c40/a"), 0, "test")
    with pytest.raises(SplitError, match="share the video 'a'"):
        check_across(records[:1], [same], ("one", "one"), overlap="originals")


def test_a_link_that_leads_to_itself_is_a_file_like_another(tmp_path):
    (tmp_path / "v").symlink_to(tmp_path / "v")
    record = VideoRecord("v", tmp_path / "v", 0, "train")
    check_across([record], [video("w", 0, "test")], ("one", "two"))
    with pytest.raises(SplitError, match="one file"):
        check_across([record], [record], ("one", "two"))


def test_a_split_needs_both_classes():
    records = [video("a", 0, "train"), video("b", 1, "train"), video("c", 0, "val")]
    check_classes(records, "train", "set")
    with pytest.raises(SplitError, match=r"val split of set has 1 real videos and no fake"):
        check_classes(records, "val", "set")
    with pytest.raises(SplitError, match="no test videos"):
        check_classes(records, "test", "set")


def test_limit_takes_from_every_kind_in_every_split():
    records = make_split(crowd(1, 80))
    kept = limit(records, 6)
    assert [r for r in records if r in kept] == kept
    for split in ("train", "val", "test"):
        kinds = Counter((r.label, r.method) for r in kept if r.split == split)
        assert kinds == {(0, None): 2, (1, "a"): 2, (1, "b"): 2}
    assert limit(records[::-1], 6) == kept[::-1]
    assert limit(records, 10_000) == records


# --- people who were swapped with one another ------------------------------------------------


def interwoven(people: int = 30, each: int = 3, seed: int = 0) -> list[VideoRecord]:
    """As in Celeb-DF: videos of each person, and fakes with the face of any other: whoever takes
    all that are tied together takes everything."""
    rng = random.Random(seed)
    found = [video(f"r{p}-{n}", identities=(f"p{p}",)) for p in range(people) for n in range(each)]
    for a, b in combinations(range(people), 2):
        if rng.random() < 0.5:
            original = f"r{a}-{rng.randrange(each)}"
            found.append(
                video(
                    f"f{a}-{b}", 1, original=original, method="swap", identities=(f"p{a}", f"p{b}")
                )
            )
    rng.shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_interwoven_people_are_dealt_out(seed):
    """Fault 2: the videos that show people of two splits are left out, and nothing else is."""
    records = interwoven(seed=seed)
    assert len(clusters(records)) == 1
    made = make_split(records, seed)
    assert shared_by_splits(made) == set()
    assert check_leaks(made, "set")
    for split, share in FRACTIONS.items():
        check_classes(made, split, "set")
        part = [r for r in made if r.split == split]
        people = {person for r in part for person in r.identities}
        assert len(people) == pytest.approx(30 * share, abs=3)
    home = {person: r.split for r in made for person in r.identities}
    assert set(home) == {f"p{n}" for n in range(30)}
    kept = {r.id for r in made}
    for record in records:
        assert (record.id in kept) == (len({home[p] for p in record.identities}) == 1)
    assert sum(r.label == 0 for r in made) == 90  # whoever is alone in a video stays
    fakes = sum(r.label for r in made) / sum(r.label for r in records)
    assert 0.35 < fakes < 0.7


def test_dealing_people_out_depends_on_ids_and_seed_alone():
    records = interwoven()
    first = {r.id: r.split for r in make_split(records)}
    moved = [replace(r, path=Path("/elsewhere") / r.id) for r in records[::-1]]
    assert {r.id: r.split for r in make_split(moved)} == first
    assert {r.id: r.split for r in make_split(records, seed=1)} != first
    kept = [r.id for r in make_split(records)]
    assert kept == [r.id for r in records if r.id in first]


def test_people_in_a_few_lumps_are_dealt_out_too():
    """Four casts that never meet: kept whole, one of them would be all of the test."""
    records = []
    for cast in range(4):
        records += [
            replace(
                r,
                id=f"c{cast}/{r.id}",
                group="",
                identities=tuple(f"c{cast}{p}" for p in r.identities),
                original=r.original and f"c{cast}/{r.original}",
            )
            for r in interwoven(12, 2, cast)
        ]
    assert len(clusters(records)) < 10
    made = make_split(records)
    assert shared_by_splits(made) == set()
    casts = {split: {r.id[:2] for r in made if r.split == split} for split in FRACTIONS}
    assert all(len(found) > 1 for found in casts.values())
    for split in FRACTIONS:
        check_classes(made, split, "set")


def test_one_knot_among_many_loners_is_dealt_out_alike():
    loners = [video(f"l{n}", n % 2, identities=(f"l{n}",)) for n in range(60)]
    records = interwoven() + loners
    assert len(clusters(records)) == 61
    made = make_split(records)
    assert shared_by_splits(made) == set()
    assert {r.id for r in loners} <= {r.id for r in made}
    for split in FRACTIONS:
        check_classes([r for r in made if r.id[0] != "l"], split, "the knot")


def test_people_who_keep_to_themselves_lose_no_video():
    records = crowd(3, 100)
    made = make_split(records)
    assert len(made) == len(records)


def test_two_people_cannot_fill_three_splits():
    records = [
        video("a", identities=("x",)),
        video("b", identities=("y",)),
        video("c", 1, original="a", identities=("x", "y")),
    ]
    assert {r.split for r in make_split(records)} == {"train"}


@pytest.mark.parametrize("seed", range(6))
def test_what_people_alone_do_not_tell_apart_is_left_out_and_never_shared(seed):
    """Videos without names, with an original or a group in common with those of named people."""
    rng = random.Random(seed)
    records = interwoven(seed=seed)
    named = [r for r in records if r.label == 0]
    for n, original in enumerate(rng.sample(named, 25)):
        records.append(video(f"u{n}", 1, original=original.id, method="reenacted"))
    for n in range(20):
        group = f"g{n % 6}"
        one = rng.choice(named)
        records.append(video(f"x{n}", group=group))
        records.append(video(f"y{n}", 1, group=group, identities=one.identities))
    duo = [video(f"d{a}{b}", identities=(f"p{a}", f"p{b}")) for a, b in combinations(range(6), 2)]
    records += duo
    for n in range(30):  # made from a video of two, each with the face of somebody else
        base, other = rng.choice(duo), f"p{rng.randrange(30)}"
        records.append(video(f"z{n}", 1, original=base.id, identities=(base.identities[0], other)))
    made = make_split(records, seed)
    assert shared_by_splits(made) == set()
    assert check_leaks(made, "set")
    assert len(made) > len(records) / 2
    assert {r.id: r.split for r in make_split(records[::-1], seed)} == {r.id: r.split for r in made}


@pytest.mark.parametrize(
    "fractions", [{"train": 0.5, "val": 0.25, "test": 0.25}, {"train": 0.8, "test": 0.2}]
)
def test_other_shares(fractions):
    for records in (crowd(2, 120), interwoven(40)):
        made = make_split(records, 0, fractions)
        assert shared_by_splits(made) == set()
        total = Counter(r.split for r in made if r.label == 0)
        assert set(total) == set(fractions)
        for split, share in fractions.items():
            assert total[split] / total.total() == pytest.approx(share, abs=0.08)


def test_dividing_keeps_what_is_tied_by_other_than_people():
    records = interwoven()
    made = assign_splits(records, FRACTIONS, 0, lambda r: [("video", r.original or r.id)])
    assert len(made) == len(records)
    home = {r.id: r.split for r in made}
    assert all(home[r.id] == home[r.original] for r in made if r.original)
    assert shared_by_splits(made) != set()  # people, who were not asked for


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_videos(count):
    made = make_split([video(f"v{n}") for n in range(count)])
    assert len(made) == count
    assert len({r.split for r in made}) == count
