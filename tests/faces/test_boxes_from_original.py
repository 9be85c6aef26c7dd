"""``--boxes-from-original``: faces are looked for once, on the original, where its fakes agree."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_videos import damage
from scenes import CLIPS, RedSquare, center, contents, finder, scene
from two_people import CLIPS as PEOPLE
from two_people import finder as everyone
from two_people import video as two_people

import dfbench.faces.cut
from dfbench.catalogue.cards import FaceDetectorCard
from dfbench.catalogue.records import VideoRecord
from dfbench.faces.cut import FaceFinder
from dfbench.faces.prepare import Prepared, families, prepare, prepare_video, shard
from dfbench.faces.store import FaceStore
from dfbench.video.reader import Video

SIZE = (160, 120)


class Counting(RedSquare):
    """A face detector that counts the pictures it is shown."""

    shown = 0

    def detect(self, images: np.ndarray):
        type(self).shown += len(images)
        return super().detect(images)


counting = FaceFinder(FaceDetectorCard(name="Counting", summary="", target=f"{__name__}:Counting"))


@pytest.fixture
def shown():
    """How many pictures the face detector was shown since it was last asked."""
    Counting.shown = 0

    def since() -> int:
        count, Counting.shown = Counting.shown, 0
        return count

    return since


@pytest.fixture
def store(tmp_path) -> FaceStore:
    return FaceStore(tmp_path / "faces")


def swapped(number: int) -> np.ndarray:
    """A fake of ``scene``: the square is green for the most part, so that a detector that looks at
    it finds another box, or none."""
    image = scene(number)
    image[40:80, 30 + number : 70 + number][:, :34] = (20, 200, 20)
    return image


@pytest.fixture(scope="module")
def made(make_video, tmp_path_factory) -> Path:
    """The videos of a family, coded once."""
    folder = tmp_path_factory.mktemp("family")

    def make(name: str, frames: int = 60, size: tuple[int, int] = SIZE, draw=swapped) -> None:
        def cut(number: int) -> np.ndarray:
            return draw(number)[: size[1], : size[0]]

        make_video(folder / f"{name}.mp4", frames, size, g=1, crf=10, draw=cut)

    make("real", draw=scene)
    make("fake1")
    make("fake2", draw=lambda n: swapped(n) // 2 * 2)
    make("short", frames=50)
    make("small", size=(150, 112))
    return folder


@pytest.fixture
def family(made, tmp_path) -> list[VideoRecord]:
    """An original, two fakes of it that agree with it, one with fewer frames, one smaller."""
    shutil.copytree(made, tmp_path / "videos")

    def listed(name: str) -> VideoRecord:
        path = tmp_path / "videos" / f"{name}.mp4"
        if name == "real":
            return VideoRecord(name, path, 0)
        return VideoRecord(name, path, 1, method="m", original="real")

    return [listed(name) for name in ("fake1", "short", "real", "fake2", "small")]


def by_id(done: list[Prepared]) -> dict[str, Prepared]:
    return {item.record.id: item for item in done}


def test_fakes_that_agree_take_the_faces_over_and_others_detect(family, store, shown):
    done = prepare(family, CLIPS, counting, store, boxes_from_original=True)
    assert [item.record for item in done] == family
    assert {item.record.id: item.faces for item in done} == {
        "real": "Counting 1",
        "fake1": "Counting 1 of real",
        "fake2": "Counting 1 of real",
        "short": "Counting 1",
        "small": "Counting 1",
    }
    frames = len(np.unique(dfbench.faces.cut.sample_windows(60, CLIPS)))
    fewer = len(np.unique(dfbench.faces.cut.sample_windows(50, CLIPS)))
    assert shown() == 2 * frames + fewer  # real, small, short
    found = by_id(done)
    real, fake = (store.open(found[name].key) for name in ("real", "fake1"))
    assert (fake.video, fake.status, fake.frame_count) == ("fake1", "ok", 60)
    assert [replace(w, files=[]) for w in fake.windows] == [
        replace(w, files=[]) for w in real.windows
    ]
    with Video(found["fake1"].record.path) as source:
        for window, crops in store.clips(found["fake1"].key, range(3)):
            x, y, side = window.square
            for number, crop in zip(window.numbers, crops, strict=True):
                seen = source.frame(number)[max(y, 0) : y + side, max(x, 0) : x + side]
                inner = crop[max(-y, 0) :, max(-x, 0) :][: seen.shape[0], : seen.shape[1]]
                assert np.array_equal(inner, seen)
    # Where it looks for itself it finds the red that is left.
    short = store.open(found["short"].key)
    assert short.windows[0].boxes != real.windows[0].boxes


def test_without_it_every_video_is_looked_at(family, store, shown):
    done = prepare(family, CLIPS, counting, store)
    assert {item.faces for item in done} == {"Counting 1"}
    shown()
    again = prepare(family, CLIPS, counting, store, boxes_from_original=True)
    assert shown() > 0  # what was found on a fake itself is not passed off as its original's
    assert by_id(done)["real"] == by_id(again)["real"]
    for name in ("fake1", "fake2"):
        assert by_id(done)[name].key != by_id(again)[name].key


def test_a_second_call_and_another_order_change_nothing(family, store, shown):
    first = by_id(prepare(family, CLIPS, counting, store, boxes_from_original=True))
    whole = contents(store)
    shown()
    again = prepare(family[::-1], CLIPS, counting, store, boxes_from_original=True)
    assert shown() == 0
    assert by_id(again) == first
    assert contents(store) == whole


def test_another_original_means_other_faces(family, store, make_video):
    fake, real = family[0], family[2]
    (_, before) = prepare([real, fake], CLIPS, finder(), store, boxes_from_original=True)
    make_video(real.path, 60, SIZE, g=1, crf=10, draw=lambda n: np.roll(scene(n), 20, 0))
    (_, after) = prepare([real, fake], CLIPS, finder(), store, boxes_from_original=True)
    assert before.key != after.key
    y = [store.open(item.key).windows[0].square[1] for item in (before, after)]
    assert y[1] - y[0] == pytest.approx(20, abs=2)


@pytest.mark.parametrize("what", ["gone", "no video", "nobody in it", "not listed"])
def test_an_original_without_faces_leaves_its_fakes_to_themselves(
    family, store, make_video, what, shown
):
    fake, real = family[0], family[2]
    if what == "gone":
        real.path.unlink()
    elif what == "no video":
        real.path.write_text("no video")
    elif what == "nobody in it":
        make_video(real.path, 60, SIZE, g=1, draw=lambda n: scene(n, face=False))
    records = [fake] if what == "not listed" else [fake, real]
    done = prepare(records, CLIPS, counting, store, boxes_from_original=True)[0]
    assert (done.status, done.faces) == ("ok", "Counting 1")
    assert shown() > 0
    alone = prepare([fake], CLIPS, counting, store)[0]
    assert store.open(alone.key).windows == store.open(done.key).windows
    if what in ("gone", "not listed"):
        assert alone.key == done.key


def test_a_frame_that_only_the_fake_lost_costs_its_clip(family, store):
    fake, real = family[0], family[2]
    damage(fake.path, int(dfbench.faces.cut.sample_windows(60, CLIPS)[1, 2]))
    _, done = prepare([real, fake], CLIPS, finder(), store, boxes_from_original=True)
    assert done.usable == (True, False, True)
    assert done.faces == "RedSquare 1 of real"
    assert done.detail == "1 of 3 clips have unreadable frames"


def test_a_damaged_original_lends_the_faces_it_has(family, store):
    fake, real = family[0], family[2]
    damage(real.path, int(dfbench.faces.cut.sample_windows(60, CLIPS)[1, 2]))
    one, other = prepare([real, fake], CLIPS, finder(), store, boxes_from_original=True)
    assert one.usable == (True, False, True)
    assert (other.usable, other.faces) == ((True,) * 3, "RedSquare 1 of real")


def test_everyone_in_the_original_is_cut_from_the_fake(make_video, tmp_path, store):
    real = two_people(make_video, tmp_path / "real.mp4", blue=range(24))
    fake = two_people(make_video, tmp_path / "fake.mp4", range(0), label=1, original="real")
    one, other = prepare([real, fake], PEOPLE, everyone(), store, boxes_from_original=True)
    assert len(other.clips) > PEOPLE.windows
    assert (other.clips, other.starts, other.usable) == (one.clips, one.starts, one.usable)
    assert other.faces == "squares 1 all faces of real"


# --- families -------------------------------------------------------------------------------


def listed(name: str, original: str | None = None) -> VideoRecord:
    return VideoRecord(name, Path(f"{name}.mp4"), int(original is not None), original=original)


def test_families_are_the_whole_the_original_first():
    records = [
        listed("f1", "a"),
        listed("b"),
        listed("g1", "gone"),
        listed("a"),
        listed("f2", "a"),
        listed("g2", "gone"),
        listed("c"),
    ]
    found = [[record.id for record in family] for family in families(records)]
    assert found == [["a", "f1", "f2"], ["b"], ["g1"], ["g2"], ["c"]]


def test_a_fake_made_from_a_fake_takes_its_faces_from_no_sibling(family, store):
    """Two fakes of ``fake1``, which is itself listed with its own original."""
    fake1, real, fake2 = family[0], family[2], family[3]
    first = replace(fake2, id="one", original="fake1")
    second = replace(fake1, id="two", original="fake1")
    done = by_id(
        prepare([first, second, fake1, real], CLIPS, finder(), store, boxes_from_original=True)
    )
    assert done["fake1"].faces == "RedSquare 1 of real"
    assert {done[name].faces.partition(" of ")[2] for name in ("one", "two")} <= {"", "fake1"}


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_and_workers_change_nothing(family, tmp_path, workers):
    stores = [FaceStore(tmp_path / name) for name in ("whole", "parts")]
    whole = prepare(family, CLIPS, center(), stores[0], boxes_from_original=True)
    parts = [
        item
        for number in (1, 2, 3)
        for item in prepare(
            shard(family, number, 3), CLIPS, center(), stores[1], workers, boxes_from_original=True
        )
    ]
    assert by_id(parts) == by_id(whole)
    assert contents(stores[0]) == contents(stores[1])


def test_one_video_by_itself(family, store):
    original = prepare_video(family[2], CLIPS, finder(), store)
    done = prepare_video(family[0], CLIPS, finder(), store, original)
    assert done.faces == "RedSquare 1 of real"
    assert len(contents(store)) == 2


def test_the_command_says_how_many_took_the_faces_of_their_original(cli, family, tmp_path):
    rows = [f"{r.path.name},{r.label},{r.original or ''}.mp4" for r in family]
    (tmp_path / "videos" / "list.csv").write_text("\n".join(["path,label,original", *rows]))
    done = cli(
        "prepare",
        "folder",
        "--data-root",
        tmp_path / "videos",
        "--faces",
        "center",
        "--boxes-from-original",
        "--detector",
        "meso4",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["videos"], report["faces of the original"]) == (5, 2)
