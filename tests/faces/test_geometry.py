"""Cutting a face out: similarity, one geometry a clip, pixels copied and not invented."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from face_tables import at, faces

from dfbench.catalogue.cards import ClipSpec
from dfbench.faces.geometry import (
    STORE_MARGIN,
    STORE_SIDE,
    Jitter,
    crop,
    cut,
    fit_similarity,
    geometry,
    square,
)

# --- similarity -----------------------------------------------------------------------------


def turned(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.mark.parametrize("seed", range(10))
def test_similarity_recovers_an_exact_one_as_opencv_does(seed):
    rng = np.random.default_rng(seed)
    true = turned(rng.uniform(-3.1, 3.1), rng.uniform(0.1, 9), tuple(rng.uniform(-50, 50, 2)))
    points = rng.uniform(0, 100, (5, 2))
    moved = points @ true[:, :2].T + true[:, 2]
    assert fit_similarity(points, moved) == pytest.approx(true, abs=1e-9)
    opencv, _ = cv2.estimateAffinePartial2D(points, moved)
    assert fit_similarity(points, moved) == pytest.approx(opencv, abs=1e-4)


def test_similarity_is_the_least_squares_one_and_never_a_reflection():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
        found = fit_similarity(a, b)
        assert np.linalg.det(found[:, :2]) >= 0
        design = np.zeros((10, 4))  # b = (p, -q; q, p) a + (r, s), solved directly
        design[0::2] = np.column_stack([a[:, 0], -a[:, 1], np.ones(5), np.zeros(5)])
        design[1::2] = np.column_stack([a[:, 1], a[:, 0], np.zeros(5), np.ones(5)])
        p, q, r, s = np.linalg.lstsq(design, b.ravel(), rcond=None)[0]
        assert found == pytest.approx(np.array([[p, -q, r], [q, p, s]]), abs=1e-9)


# The unit mean face that face-warping artifacts align to: 51 points without the jaw.
_MEAN_FACE = np.array(
    [
        [0.000213256, 0.106454],
        [0.0752622, 0.038915],
        [0.18113, 0.0187482],
        [0.29077, 0.0344891],
        [0.393397, 0.0773906],
        [0.586856, 0.0773906],
        [0.689483, 0.0344891],
        [0.799124, 0.0187482],
        [0.904991, 0.038915],
        [0.98004, 0.106454],
        [0.490127, 0.203352],
        [0.490127, 0.307009],
        [0.490127, 0.409805],
        [0.490127, 0.515625],
        [0.36688, 0.587326],
        [0.426036, 0.609345],
        [0.490127, 0.628106],
        [0.554217, 0.609345],
        [0.613373, 0.587326],
        [0.121737, 0.216423],
        [0.187122, 0.178758],
        [0.265825, 0.179852],
        [0.334606, 0.231733],
        [0.260918, 0.245099],
        [0.182743, 0.244077],
        [0.645647, 0.231733],
        [0.714428, 0.179852],
        [0.793132, 0.178758],
        [0.858516, 0.216423],
        [0.79751, 0.244077],
        [0.719335, 0.245099],
        [0.254149, 0.780233],
        [0.340985, 0.745405],
        [0.428858, 0.727388],
        [0.490127, 0.742578],
        [0.551395, 0.727388],
        [0.639268, 0.745405],
        [0.726104, 0.780233],
        [0.642159, 0.864805],
        [0.556721, 0.902192],
        [0.490127, 0.909281],
        [0.423532, 0.902192],
        [0.338094, 0.864805],
        [0.290379, 0.784792],
        [0.428096, 0.778746],
        [0.490127, 0.785343],
        [0.552157, 0.778746],
        [0.689874, 0.784792],
        [0.553364, 0.824182],
        [0.490127, 0.831803],
        [0.42689, 0.824182],
    ]
)


def test_similarity_agrees_with_the_reference_of_face_warping_artifacts(shared):
    known = json.loads((shared / "reference" / "fwa.json").read_text())["values"]
    found = fit_similarity(np.array(known["points"], float)[17:], _MEAN_FACE)
    assert found == pytest.approx(np.array(known["correct_2x3"]), abs=1e-9)


# --- cutting --------------------------------------------------------------------------------


def test_square_holds_for_the_whole_clip_and_covers_the_face():
    boxes = np.array([at(10, 10, 40), at(12, 8, 40), at(200, 200, 40)], np.float32)
    x, y, side = square(boxes)  # the stray third box does not move it
    assert side == np.ceil(STORE_MARGIN * 40)
    assert (x + side / 2, y + side / 2) == pytest.approx((32, 30), abs=1)


def test_crop_copies_pixels_and_repeats_the_edge():
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8)
    patch, scale = crop(image, 10, 5, 20)
    assert scale == 1
    assert np.array_equal(patch, image[5:25, 10:30])
    patch, _ = crop(image, -3, 40, 20)
    assert np.array_equal(patch[:10, 3:], image[40:, :17])
    assert np.array_equal(patch[-1, 3:], image[-1, :17])
    assert np.array_equal(patch[0, :3], np.repeat(image[40:41, 0], 3, 0))


def test_crop_of_a_large_face_is_reduced_and_says_by_how_much():
    image = np.full((900, 900, 3), 77, np.uint8)
    patch, scale = crop(image, 20, 20, 800)
    assert patch.shape == (STORE_SIDE, STORE_SIDE, 3)
    assert scale == pytest.approx(STORE_SIDE / 800)
    assert (patch == 77).all()


def test_crop_outside_the_picture_is_black_and_not_an_exception():
    patch, _ = crop(np.full((20, 20, 3), 9, np.uint8), 100, 100, 10)
    assert patch.shape == (10, 10, 3)
    assert not patch.any()


@pytest.mark.parametrize("resize", ["bilinear", "area", "nearest"])
def test_cut_at_the_stored_scale_is_the_identity(resize):
    side = 90
    frames = np.random.default_rng(1).integers(0, 255, (3, side, side, 3), np.uint8)
    box = faces(at(20, 20, 50))
    spec = ClipSpec(frames=3, size=side, margin=side / 50, resize=resize)
    done = cut(frames, np.repeat(box.boxes, 3, 0), np.repeat(box.landmarks, 3, 0), spec)
    assert np.array_equal(done, frames)


def test_flip_is_exactly_the_mirrored_picture():
    frames = np.random.default_rng(1).integers(0, 255, (2, 90, 90, 3), np.uint8)
    box = faces(at(20, 20, 50))
    boxes, marks = np.repeat(box.boxes, 2, 0), np.repeat(box.landmarks, 2, 0)
    spec = ClipSpec(frames=2, size=90, margin=90 / 50)
    assert np.array_equal(cut(frames, boxes, marks, spec, Jitter(flip=True)), frames[:, :, ::-1])


@pytest.mark.parametrize("align", ["box", "similarity"])
def test_one_geometry_a_clip(align):
    """A box that jitters does not make the picture jitter."""
    frame = np.random.default_rng(2).integers(0, 255, (100, 100, 3), np.uint8)
    frames = np.stack([frame] * 5)
    noise = np.random.default_rng(0).normal(0, 3, (5, 2))
    found = [faces(at(30 + dx, 30 + dy, 40)) for dx, dy in noise]
    boxes = np.concatenate([f.boxes for f in found])
    marks = np.concatenate([f.landmarks for f in found])
    done = cut(frames, boxes, marks, ClipSpec(frames=5, size=64, align=align))
    assert all(np.array_equal(done[0], other) for other in done[1:])


@pytest.mark.parametrize("align", ["box", "similarity"])
def test_a_stray_face_in_one_frame_does_not_move_the_clip(align):
    steady, stray = faces(at(30, 30, 40)), faces(at(60, 60, 20))
    spec = ClipSpec(size=64, align=align)
    boxes = np.concatenate([stray.boxes, *[steady.boxes] * 4])
    marks = np.concatenate([stray.landmarks, *[steady.landmarks] * 4])
    alone = geometry(steady.boxes, steady.landmarks, spec)
    assert geometry(boxes, marks, spec) == pytest.approx(alone)


@pytest.mark.parametrize("margin", [1.0, 1.3, 1.7])
def test_margin_is_in_units_of_the_longer_side_of_the_face(margin):
    box = np.array([[30, 20, 70, 80]], np.float32)  # 40 wide, 60 high, centre (50, 50)
    marks = faces(at(30, 20, 40)).landmarks
    matrix = geometry(box, marks, ClipSpec(size=120, margin=margin))
    assert matrix @ [50, 50, 1] == pytest.approx([60, 60])
    top, bottom = matrix @ [50, 20, 1], matrix @ [50, 80, 1]
    assert bottom[1] - top[1] == pytest.approx(120 / margin)


@pytest.mark.parametrize("angle", [-40, -10, 0, 25])
def test_alignment_puts_the_eyes_level(angle):
    upright = faces(at(100, 100, 80))
    turn = cv2.getRotationMatrix2D((140, 140), angle, 1)
    marks = (upright.landmarks[0] @ turn[:, :2].T + turn[:, 2])[None].astype(np.float32)
    spec = ClipSpec(size=256, align="similarity")
    matrix = geometry(upright.boxes, marks, spec)
    placed = marks[0] @ matrix[:, :2].T + matrix[:, 2]
    assert placed[0, 1] == pytest.approx(placed[1, 1], abs=0.5)
    assert placed[0, 0] < placed[1, 0]
    assert placed[:2, 1].mean() < 128 < placed[3:, 1].mean()
    level = geometry(upright.boxes, upright.landmarks, spec)
    assert placed == pytest.approx(upright.landmarks[0] @ level[:, :2].T + level[:, 2], abs=0.5)


def test_jitter_scales_and_shifts():
    box = faces(at(30, 30, 40))
    spec = ClipSpec(size=100, margin=1.3)
    plain = geometry(box.boxes, box.landmarks, spec)
    moved = Jitter(scale=2.0, shift=(0.1, -0.2)).moved(plain, spec.size)
    assert moved @ [50, 50, 1] == pytest.approx(plain @ [50, 50, 1] + [10, -20])
    assert moved[0, 0] == pytest.approx(plain[0, 0] / 2)


def test_reducing_averages_instead_of_skipping_pixels():
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    box = faces(at(50, 50, 100))
    small = cut(stripes[None], box.boxes, box.landmarks, ClipSpec(size=25, margin=2.0))
    assert np.abs(small.astype(int) - 127).max() <= 2
