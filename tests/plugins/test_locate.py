"""Faces that are given, or taken from the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from face_tables import at, faces

from dfbench.catalogue.records import VideoRecord
from dfbench.errors import DataError
from dfbench_faces.locate import Center, Given


def record(**about) -> VideoRecord:
    return VideoRecord("v", Path("v.mp4"), 0, **about)


def test_center_is_a_square_in_the_middle():
    found = Center().locate(record(), [0, 5], (100, 300))
    assert len(found) == 2
    x0, y0, x1, y1 = found[0].boxes[0]
    assert (x0 + x1, y0 + y1) == pytest.approx((300, 100))
    assert x1 - x0 == y1 - y0 == 75
    marks = found[0].landmarks[0]
    assert marks[0, 0] < marks[2, 0] < marks[1, 0]
    assert marks[0, 1] < marks[2, 1] < marks[3, 1]


def test_given_takes_the_boxes_of_the_asked_frames(tmp_path):
    f = faces(at(0, 0, 10), at(5, 5, 10), at(9, 9, 10))
    np.savez(tmp_path / "b.npz", frames=[4, 8, 2], boxes=f.boxes, landmarks=f.landmarks)
    found = Given().locate(record(boxes=tmp_path / "b.npz"), [2, 3, 8], (9, 9))
    assert [len(one) for one in found] == [1, 0, 1]
    assert found[0].boxes[0] == pytest.approx(at(9, 9, 10))
    assert found[2].landmarks[0] == pytest.approx(f.landmarks[1])


@pytest.mark.parametrize("content", [None, b"", b"no npz", b"PK\x03\x04 cut"])
def test_given_without_good_boxes_is_an_error(tmp_path, content):
    path = tmp_path / "b.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"b\.npz"):
        Given().locate(record(boxes=path), [0], (9, 9))
    with pytest.raises(DataError, match="ships no face boxes"):
        Given().locate(record(), [0], (9, 9))


def test_given_with_tables_of_other_lengths_is_an_error(tmp_path):
    np.savez(
        tmp_path / "b.npz", frames=[0, 1], boxes=np.zeros((1, 4)), landmarks=np.zeros((1, 5, 2))
    )
    with pytest.raises(DataError):
        Given().locate(record(boxes=tmp_path / "b.npz"), [1], (9, 9))
