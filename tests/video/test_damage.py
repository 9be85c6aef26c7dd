"""Damaged videos: what is lost, that nothing else is, and never another frame."""

from __future__ import annotations

import random
import shutil

import pytest
from made_videos import damage
from moving_pictures import CODINGS, SIZE, all_frames, moving

from dfbench.errors import VideoError
from dfbench.video.reader import Video


@pytest.mark.parametrize("coding", CODINGS)
def test_a_damaged_middle_loses_only_that(make_video, tmp_path, coding):
    path = make_video(tmp_path / "a.mp4", frames=60, **CODINGS[coding])
    damage(path, 30)
    for order in (list(range(60)), random.Random(2).sample(range(60), 60), list(range(59, -1, -1))):
        with Video(path) as video:
            found = dict(video.read(order))
        assert found[30] is None
        right = [n for n in order if found[n] is not None and make_video.number(found[n]) == n]
        # A picture built on the lost one may be wrong in long groups; before it none is touched.
        assert set(right) >= set(range(30)) if coding == "default" else len(right) >= 58


def test_what_is_lost_does_not_depend_on_the_order_of_reading(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", frames=60, g=10, bf=2)
    damage(path, 30)
    lost = set()
    for seed in range(6):
        order = random.Random(seed).sample(range(60), 60)
        with Video(path) as video:
            lost.add(tuple(sorted(n for n, image in video.read(order) if image is None)))
    assert len(lost) == 1


@pytest.mark.parametrize("about", [{"codec": "mpeg4", "g": 10}, {"g": 10, "bf": 2}])
def test_a_damaged_avi_never_gives_another_frame(make_video, tmp_path, about):
    """AVI does not say when a reordered frame is shown: then less is read, but nothing wrong."""
    path = make_video(tmp_path / "a.avi", frames=60, size=(96, 64), **about)
    damage(path, 30)
    with Video(path) as video:
        found = {n: image for n, image in video.read(range(60)) if image is not None}
    wrong = [n for n, image in found.items() if make_video.number(image) != n]
    assert wrong == []


def test_a_file_cut_short_behind_its_index_gives_what_is_left(make_video, tmp_path):
    """Fault 10: as an interrupted download leaves it."""
    path = make_video(
        tmp_path / "a.mp4", frames=60, g=10, draw=moving, size=SIZE, muxer={"movflags": "faststart"}
    )
    whole = [image.tobytes() for image in all_frames(path)]
    data = path.read_bytes()
    for share in (0.5, 0.7, 0.9, 0.97):
        path.write_bytes(data[: int(len(data) * share)])
        with Video(path) as video:
            assert 15 < len(video) < video.promised == 60
            found = dict(video.read(range(len(video))))
        lost = [number for number, image in found.items() if image is None]
        assert len(lost) <= 1  # the picture that the cut goes through
        assert {image.tobytes() for image in found.values() if image is not None} <= set(whole)
        sure = len(found) - 4  # the very last may come before one of those that are gone
        assert [found[n].tobytes() for n in range(sure)] == whole[:sure]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts", "flv", "webm"])
def test_damage_anywhere_is_lost_frames_or_a_video_error_and_nothing_else(
    make_video, tmp_path, ending
):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(ending, "libx264")
    muxer = {"movflags": "faststart"} if ending == "mp4" else {}
    path = make_video(
        tmp_path / f"a.{ending}", frames=30, g=6, codec=codec, draw=moving, size=SIZE, muxer=muxer
    )
    data = path.read_bytes()
    rng = random.Random(ending)
    outcomes = set()
    for turn in range(40):
        hurt = bytearray(data)
        at, length = rng.randrange(len(data)), rng.randrange(1, 3000)
        if turn % 4 == 0:
            del hurt[at:]
        elif turn % 4 == 1:
            hurt[at : at + length] = bytes(len(hurt[at : at + length]))
        elif turn % 4 == 2:
            hurt[at : at + length] = rng.randbytes(len(hurt[at : at + length]))
        else:
            for _ in range(length // 100 + 1):
                hurt[rng.randrange(len(hurt))] ^= 1 << rng.randrange(8)
        path.write_bytes(hurt)
        try:
            with Video(path) as video:
                count = len(video)
                order = rng.sample(range(count), min(count, 6))
                found = [*video.read(sorted(order)), *video.read(order)]
        except VideoError:
            outcomes.add("refused")
            continue
        lost = sum(image is None for _, image in found)
        outcomes.add("whole" if not lost else "part" if lost < len(found) else "lost")
        assert all(image is None or image.shape == (64, 96, 3) for _, image in found) or lost
    assert len(outcomes) > 1


@pytest.mark.parametrize("lost", [range(30), range(20, 40), range(60)])
def test_an_avi_with_a_damaged_index_is_read_from_its_start(make_video, tmp_path, lost):
    """After a jump FFmpeg would count from what is left of the index."""
    path = make_video(tmp_path / "a.avi", frames=60, g=10, codec="mpeg4", qscale=2)
    data = bytearray(path.read_bytes())
    entries = data.rindex(b"idx1") + 8
    data[entries + 16 * lost.start : entries + 16 * lost.stop] = bytes(16 * len(lost))
    path.write_bytes(data)
    order = random.Random(0).sample(range(60), 60)
    with Video(path) as video:
        assert [make_video.number(image) for _, image in video.read(order)] == order


def test_a_video_that_goes_while_it_is_read(make_video, tmp_path):
    path = make_video(tmp_path / "a.avi", frames=30, bf=2)
    with Video(path) as video:
        assert video.frame(20) is not None
        shutil.move(path, tmp_path / "b.avi")
        assert [image for _, image in video.read([3])] == [None]
