"""Listing videos and splitting them: nothing lost, nothing shared, nothing guessed."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from dfbench.catalogue import catalogue
from dfbench.errors import DataError, SplitError
from dfbench.listing import fingerprint, read_dataset
from dfbench.records import VideoRecord, inside
from dfbench.splits import (
    check_across,
    check_classes,
    check_leaks,
    clusters,
    count,
    keys,
    limit,
    make_split,
)
from dfbench_dfdc.records import records as dfdc
from dfbench_dfdc.records import split_of
from dfbench_folder.records import records as folder


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def video(id: str, label: int = 0, split=None, **about) -> VideoRecord:
    return VideoRecord(id, Path("/data") / id, label, split, **about)


# --- records --------------------------------------------------------------------------------


def test_a_record_refuses_what_would_be_misread():
    for wrong in ("", "/a.mp4", r"real\a.mp4", "a\nb.mp4", "a\udcff.mp4"):
        with pytest.raises(DataError):
            video(wrong)
    for label in (2, -1, "FAKE", None):
        with pytest.raises(DataError):
            video("a", label)
    with pytest.raises(DataError):
        video("a", 0, "valid")
    assert video("a").group == "a"
    assert video("a", 1, original="b").group == "b"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        r"..\x",
        r"C:\x.mp4",
        "C:/x.mp4",
        r"\x.mp4",
        "a\0b.mp4",
    ],
)
def test_a_list_cannot_name_a_file_outside_the_root(tmp_path, name):
    with pytest.raises(DataError):
        inside(tmp_path, name)


def test_a_list_may_name_a_file_inside_in_either_spelling(tmp_path):
    assert inside(tmp_path, "a/b.mp4") == tmp_path / "a" / "b.mp4"
    assert inside(tmp_path, r"a\b.mp4") == tmp_path / "a" / "b.mp4"
    assert inside(tmp_path, "a/../b.mp4").resolve() == tmp_path / "b.mp4"


# --- folder ---------------------------------------------------------------------------------


def test_folder_with_real_and_fake(tmp_path):
    touch(
        tmp_path, "real/a.mp4", "real/x/b.MOV", "fake/c.mkv", "fake/swap/d.mp4",
        "fake/swap/1/e.avi", "real/notes.txt", "real/.hidden.mp4", "fake/.cache/f.mp4",
        "real/._a.mp4", "other/g.mp4",
    )  # fmt: skip
    (tmp_path / "real" / "folder.mp4").mkdir()
    found = {r.id: (r.label, r.method, r.split) for r in folder(tmp_path)}
    assert found == {
        "real/a.mp4": (0, None, None),
        "real/x/b.MOV": (0, None, None),
        "fake/c.mkv": (1, "fake", None),
        "fake/swap/d.mp4": (1, "swap", None),
        "fake/swap/1/e.avi": (1, "swap", None),
    }
    assert all(r.path.is_file() for r in folder(tmp_path))


def test_equal_names_under_two_methods_stay_apart(tmp_path):
    """Fault 3: FF++'s four manipulations of 000_003."""
    touch(tmp_path, "real/000.mp4", "fake/a/000_003.mp4", "fake/b/000_003.mp4")
    assert len({r.id for r in folder(tmp_path)}) == 3


def write_csv(root: Path, text: str | bytes, name: str = "list.csv") -> Path:
    data = text.encode() if isinstance(text, str) else text
    (root / name).write_bytes(data)
    return root / name


def test_csv_as_spreadsheets_write_it(tmp_path):
    """Byte order mark, CRLF, upper-case, spaces, Windows separators, a file name with a comma."""
    text = (
        "\ufeffPath, LABEL ,Split,Group,Method,Original\r\n"
        "real\\a.mp4,REAL,Train,ann,,\r\n"
        'fake\\"b, c.mp4,Fake,VALIDATION,ann,Swap,real\\a.mp4\r\n'.replace('"b, c.mp4', "b.mp4")
        + '"fake/c, d.mp4",1,test,,,\r\n'
        "./e.mp4,0,valid,,,ignored\r\n"
        "\r\n"
    )
    path = write_csv(tmp_path, text)
    found = {r.id: r for r in folder(path)}
    assert list(found) == ["real/a.mp4", "fake/b.mp4", "fake/c, d.mp4", "e.mp4"]
    a, b, c, e = found.values()
    assert (a.label, a.split, a.group, a.method, a.original) == (0, "train", "ann", None, None)
    assert (b.label, b.split, b.method, b.original) == (1, "val", "Swap", "real/a.mp4")
    assert (c.label, c.split, c.group, c.method) == (1, "test", "fake/c, d.mp4", "fake")
    assert (e.label, e.split, e.original) == (0, "val", None)
    assert a.path == tmp_path / "real" / "a.mp4"
    assert list(folder(tmp_path)) == list(folder(path))  # the only CSV in the folder


def test_csv_may_name_files_elsewhere_by_an_absolute_path(tmp_path):
    (record,) = folder(write_csv(tmp_path, "path,label\n/data/a.mp4,real\n"))
    assert record.path == Path("/data/a.mp4")
    assert not record.id.startswith("/")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\na.mp4,real\n\nb.mp4,maybe\n", "line 4.*'maybe'"),
        ("path,label\na.mp4,2\n", "line 2.*'2'"),
        ("path,label\na.mp4\n", "line 2"),
        ("path,label\n,real\n", "line 2"),
        ("path,label\n../a.mp4,real\n", "line 2.*not a path inside"),
        ("path,label\nC:\\a.mp4,real\n", "line 2.*not a path inside"),
        ("path,label,split\na.mp4,real,holdout\n", "line 2.*'holdout'"),
        ("name,label\na.mp4,real\n", "columns path and label"),
        ("path;label\na.mp4;real\n", "columns path and label"),
        ("", "columns path and label"),
        ("path,label\nä.mp4,real\n".encode("utf-16"), "no UTF-8 text"),
        ("path,label\n" + "x" * 200_000 + ",real\n", "cannot be read"),
    ],
)
def test_csv_errors_name_file_and_line(tmp_path, text, says):
    with pytest.raises(DataError, match=says) as caught:
        list(folder(write_csv(tmp_path, text)))
    assert "list.csv" in str(caught.value)


def test_folder_one_level_too_deep_says_where_to_look(tmp_path):
    touch(tmp_path, "data/real/a.mp4", "data/fake/b.mp4")
    with pytest.raises(DataError, match=f"Did you mean {tmp_path / 'data'}"):
        folder(tmp_path)


def test_two_lists_are_not_guessed_between(tmp_path):
    write_csv(tmp_path, "path,label\n", "a.csv")
    write_csv(tmp_path, "path,label\n", "b.csv")
    with pytest.raises(DataError, match="one CSV"):
        folder(tmp_path)


# --- dfdc -----------------------------------------------------------------------------------


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
        "dfdc", catalogue(), {"dfdc": root if "part" not in place else tmp_path}, tmp_path
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
        ('["a.mp4"]', "table of videos"),
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
    with pytest.raises(DataError, match="damaged"):
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


# --- listing --------------------------------------------------------------------------------


def read(root: Path, cache: Path, name: str = "folder", **how):
    return read_dataset(name, catalogue(), {name: root}, cache, **how)


def test_an_empty_folder_and_a_missing_one_say_what_to_do(tmp_path):
    (tmp_path / "real").mkdir()
    with pytest.raises(DataError, match=r"finds no videos.*Give a folder"):
        read(tmp_path, tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "gone", tmp_path)
    with pytest.raises(DataError, match=r"--data-root DIR.*dfbench data root folder"):
        read_dataset("folder", catalogue(), {}, tmp_path)


def test_a_video_listed_twice_is_an_error(tmp_path):
    path = write_csv(tmp_path, "path,label\na.mp4,real\n./a.mp4,fake\n")
    with pytest.raises(DataError, match=r"stand twice.*'a\.mp4'"):
        read(path, tmp_path)


def test_half_a_split_is_an_error(tmp_path):
    path = write_csv(tmp_path, "path,label,split\na.mp4,real,train\nb.mp4,fake,\n")
    with pytest.raises(DataError, match=r"b\.mp4 has none"):
        read(path, tmp_path)


def test_a_split_that_leaks_stops(tmp_path):
    path = write_csv(
        tmp_path,
        "path,label,split,original\na.mp4,real,train,\nb.mp4,fake,test,a.mp4\n",
    )
    with pytest.raises(SplitError, match=r"a\.mp4 \(train\) and b\.mp4 \(test\) share"):
        read(path, tmp_path)


def test_only_tested_on_everything_is_the_test_set(tmp_path):
    touch(tmp_path, "real/a.mp4", "fake/b.mp4")
    listing = read(tmp_path, tmp_path / "cache", trained_on=False)
    assert {r.split for r in listing.records} == {"test"}


def test_the_fingerprint_is_of_the_list_and_not_of_this_machine(tmp_path):
    for root in ("one", "two"):
        touch(tmp_path / root, "real/a.mp4", "fake/b.mp4")
    one, two = (read(tmp_path / r, tmp_path / "c").records for r in ("one", "two"))
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one[::-1]) != fingerprint(one), "training draws by position"
    changed = [replace(one[0], label=1 - one[0].label), one[1]]
    assert fingerprint(changed) != fingerprint(one)
    (tmp_path / "two" / "real" / "a.mp4").write_bytes(b"longer than before")
    assert fingerprint(two) != fingerprint(one)


# --- splits ---------------------------------------------------------------------------------


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
        ["a", "b", "c"], ["d", "e"], ["f"],
    ]  # fmt: skip


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
        check_across([VideoRecord("v", tmp_path / "v", 0, "train")],
                     [VideoRecord("w", tmp_path / "link", 0, "test")], names)  # fmt: skip


def test_people_shared_as_declared_do_not_stop_a_dataset_trained_on_itself():
    trained = [video("a", 0, "train", identities=("ann",))]
    tested = [video("b", 1, "test", original="a", identities=("ann", "bob"))]
    check_across(trained, tested, ("one", "one"), overlap="people are on both sides")
    for names, overlap in ((("one", "one"), ""), (("two", "one"), "people are on both sides")):
        with pytest.raises(SplitError, match="person 'ann'"):
            check_across(trained, tested, names, overlap)
    with pytest.raises(SplitError, match="one file"):
        check_across(trained, [*tested, video("a", 0, "test")], ("one", "one"), overlap="people")


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


def test_ids_use_one_separator_on_every_system():
    """Fault 9: a Windows path as it stands is refused, so no id depends on the system."""
    with pytest.raises(DataError):
        video(str(PureWindowsPath("real/a.mp4")))
