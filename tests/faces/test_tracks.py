"""Following one person: overlap, tracks, and the main one."""

from __future__ import annotations

import numpy as np
import pytest
from face_tables import at, faces

from dfbench.catalogue.records import Faces
from dfbench.errors import PluginError
from dfbench.faces.tracks import check_faces, iou, link, main_track


def test_iou():
    box = np.array(at(0, 0, 10), np.float32)
    others = np.array([at(0, 0, 10), at(5, 0, 10), at(20, 0, 10), at(10, 0, 5), at(2, 2, 5)])
    assert iou(box, others.astype(np.float32)) == pytest.approx([1, 1 / 3, 0, 0, 0.25])
    assert iou(box, np.zeros((0, 4), np.float32)).shape == (0,)


def test_main_track_is_the_large_face_not_the_sure_one():
    found = [faces(at(0, 0, 20), at(100, 50, 80), scores=[0.99, 0.7])] * 4
    track = main_track([0, 10, 20, 30], found)
    assert track.boxes[:, 0] == pytest.approx([100] * 4)
    assert track.scores == pytest.approx([0.7] * 4)


def test_main_track_is_the_long_one_not_a_large_flash():
    small, flash = at(10, 10, 60), at(200, 0, 90)
    found = [faces(small), faces(small, flash), faces(small), faces(small)]
    assert main_track([0, 1, 2, 3], found).boxes[:, 0] == pytest.approx([10] * 4)


def test_missed_frames_are_interpolated_in_time_and_marked():
    found = [faces(at(0, 0, 50)), faces(), faces(), faces(at(40, 20, 50)), faces()]
    track = main_track([10, 20, 40, 50, 90], found)
    assert track.frames.tolist() == [10, 20, 40, 50, 90]
    assert track.boxes[:, 0] == pytest.approx([0, 10, 30, 40, 40])
    assert track.landmarks[1, 0] == pytest.approx([0 + 10 + 15, 5 + 20])
    assert track.scores == pytest.approx([0.9, 0, 0, 0.9, 0])


def test_two_people_who_cross_keep_their_tracks():
    found = []
    for step in range(21):
        large, small = at(10 * step, 0, 100), at(200 - 10 * step, 20, 60)
        pair = [large, small] if step % 2 else [small, large]
        found.append(faces(*pair))
    tracks = link(found)
    assert sorted(len(track) for track in tracks) == [21, 21]
    track = main_track(list(range(21)), found)
    assert track.boxes[:, 0] == pytest.approx(10.0 * np.arange(21))


def test_every_face_belongs_to_one_track():
    rng = np.random.default_rng(3)
    found = [
        faces(
            *[at(*rng.uniform(0, 100, 2), rng.uniform(20, 60)) for _ in range(rng.integers(0, 5))]
        )
        for _ in range(30)
    ]
    linked = [face for track in link(found) for face in track]
    every = [(i, j) for i, f in enumerate(found) for j in range(len(f))]
    assert sorted(linked) == every
    assert all(len({i for i, _ in track}) == len(track) for track in link(found))


def test_a_lone_face_that_moved_far_is_still_the_same_person():
    found = [faces(at(0, 0, 40)), faces(at(300, 0, 40)), faces(at(0, 100, 40))]
    assert len(link(found)) == 1


def test_nobody_found():
    assert main_track([0, 1], [faces(), faces()]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        [faces()] * 2,
        [Faces(np.zeros((1, 4)), np.zeros((1, 5, 2)), np.zeros(2))],
        [Faces(np.zeros((1, 4)), np.zeros((1, 4, 2)), np.zeros(1))],
        [Faces(np.full((1, 4), np.nan), np.zeros((1, 5, 2)), np.zeros(1))],
        ["face"],
    ],
)
def test_a_face_detector_that_returns_nonsense_is_named(wrong):
    with pytest.raises(PluginError, match="'odd'"):
        check_faces(wrong, 1, "odd")
