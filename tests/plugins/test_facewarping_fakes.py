"""Face-warping artifacts: the original's geometry, and fakes made of real faces."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance
from small_facewarping import NAMES, SMALL, small

from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.aggregate import AGGREGATES
from dfbench.detector.network import build_detector
from dfbench.errors import DataError
from dfbench_facewarping.colours import ColourJitter
from dfbench_facewarping.fakes import Warping, low_detail, region_share, warp_face
from dfbench_facewarping.geometry import (
    MEAN_68,
    alignment,
    blur_size,
    fixed_regions,
    jittered_region,
    points68,
)
from dfbench_facewarping.networks import FaceWarping

IDENTITY = {"stretch": np.ones(2), "dents": np.zeros((68, 2))}


@pytest.fixture(scope="module")
def known(shared) -> dict:
    return json.loads((shared / "reference" / "fwa.json").read_text())["values"]


@pytest.fixture
def picture() -> np.ndarray:
    """Noise with large and small structure, and no two rows alike."""
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.integers(0, 256, (12, 12, 3)).astype(np.uint8), (192, 192))
    return np.asarray((rough * 0.6 + rng.integers(0, 100, rough.shape)), np.uint8)


def face(scale: float = 96.0, x: float = 48.0, y: float = 40.0) -> np.ndarray:
    """68 points of a face whose brows and mouth span ``scale`` pixels."""
    return MEAN_68 * scale + [x, y]


# --- geometry: numbers of the original ------------------------------------------------------


def test_geometry_is_the_original_s(known):
    points = np.array(known["points"], float)
    for name in ("umeyama_2x3", "correct_2x3"):
        assert alignment(points) == pytest.approx(np.array(known[name]), abs=1e-6)
    assert blur_size(points) == known["bur_size"]


def test_the_ten_regions_are_the_original_s(known):
    points = np.array(known["points"], float)
    size = (10_000, 10_000)
    boxes = [jittered_region(points, np.random.RandomState(seed), size) for seed in range(10)]
    assert np.stack(boxes).tolist() == known["cut_head_boxes_seed0_9"]
    assert np.floor(fixed_regions(points)).tolist() == known["cut_head_boxes_seed0_9"]


def test_regions_stay_in_the_picture():
    region = jittered_region(face(96, 5, 2), np.random.RandomState(0), (100, 90))
    assert region.tolist()[:2] == [0, 0]
    assert region.tolist()[2:] == [99, 89]


def test_a_face_of_a_few_pixels_has_regions_too():
    assert np.isfinite(fixed_regions(face(3))).all()


def test_five_points_get_the_mean_face_turned_and_scaled_with_them():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7
    truth = face() @ turn.T + [3, 9]
    eyes = [truth[36:42].mean(0), truth[42:48].mean(0)]
    five = np.stack([*eyes, truth[30], truth[48], truth[54]])
    assert points68(five) == pytest.approx(truth, abs=1e-6)
    assert points68(truth) is truth


# --- the generator --------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["square", "inner", "face"])
def test_without_blur_and_at_its_own_scale_the_picture_comes_back(picture, region):
    """The aligned face has as many pixels as the face in the picture, upright: nothing is lost."""
    warping = Warping(96, region, **IDENTITY, kernel=1)
    fake = warp_face(picture, face(), warping)
    assert np.abs(fake.astype(int) - picture).max() <= 1


@pytest.mark.parametrize("feather", [0.0, 1.0])
@pytest.mark.parametrize("region", ["square", "inner", "face"])
def test_outside_its_region_a_fake_is_the_picture(picture, region, feather):
    points = face(90)
    warping = Warping(40, region, **IDENTITY, feather=feather)
    fake = warp_face(picture, points, warping)
    share = region_share(picture.shape, points, alignment(points), warping)
    assert np.array_equal(fake[share == 0], picture[share == 0])
    changed = np.abs(fake.astype(int) - picture).max(-1) > 8
    assert changed[share == 1].mean() > 0.5, "within it has lost detail"
    assert 0.05 < (share > 0).mean() < 0.6
    soft = ((share > 0) & (share < 1)).any()
    assert soft == bool(feather)


def test_the_square_is_the_unit_face_and_the_hulls_hold_their_points(picture):
    points = face(90)
    shares = {
        region: region_share(
            picture.shape, points, alignment(points), Warping(64, region, **IDENTITY)
        )
        for region in ("square", "inner", "face")
    }
    rows, columns = np.nonzero(shares["square"])
    assert [columns.min(), rows.min()] == pytest.approx([48, 40], abs=1)
    assert [columns.max(), rows.max()] == pytest.approx([138, 130], abs=1)
    for region, chosen in (("inner", points[[19, 24, 57]]), ("face", points[[2, 8, 14]])):
        inside = (chosen - points.mean(0)) * 0.95 + points.mean(0)
        x, y = np.round(inside).astype(int).T
        assert (shares[region][y, x] == 1).all(), region
    assert (shares["inner"] <= shares["face"]).all()


def test_the_smaller_the_aligned_face_the_less_detail_is_left(picture):
    def detail(size):
        points = face()
        blurred = low_detail(picture, alignment(points), size, 5)[60:120, 60:120]
        return cv2.Laplacian(blurred, cv2.CV_64F).std()

    values = [detail(size) for size in (128, 96, 64, 32)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.4 * values[0]


def test_draws_cover_what_the_paper_varies():
    rng = np.random.default_rng(0)
    drawn = [Warping.draw(rng) for _ in range(200)]
    assert {w.region for w in drawn} == {"square", "inner", "face"}
    assert min(w.size for w in drawn) < 45
    assert max(w.size for w in drawn) > 115
    assert {w.kernel for w in drawn} == {5}
    assert 0.3 < np.mean([w.feather > 0 for w in drawn]) < 0.7


ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "colour": ImageEnhance.Color,
    "sharpness": ImageEnhance.Sharpness,
}


@pytest.mark.parametrize("factor", [0.8, 1.2])
@pytest.mark.parametrize("name", ENHANCERS)
def test_colour_jitter_is_pillow_s(picture, name, factor):
    """The original used Pillow's enhancers, one after the other."""
    theirs = np.asarray(ENHANCERS[name](Image.fromarray(picture)).enhance(factor))
    ours = ColourJitter(**{name: factor}).apply(picture[None])[0]
    difference = np.abs(ours.astype(int) - theirs)[1:-1, 1:-1]  # Pillow smooths no edge
    assert difference.max() <= 1  # it cuts off where ours rounds
    assert np.abs(ours.astype(int) - picture).max() > 5


def test_colour_jitter_in_order_and_at_one(picture):
    factors = (1.15, 0.85, 1.2, 0.8)
    image = picture[None]
    for name, factor in zip(ENHANCERS, factors, strict=True):
        image = ColourJitter(**{name: factor}).apply(image)
    assert np.array_equal(ColourJitter(*factors).apply(picture[None]), image)
    assert np.array_equal(ColourJitter().apply(picture[None])[0], picture)


# --- what the harness asks the networks -----------------------------------------------------


def clip_of(picture, count=5):
    points = face(90).astype(np.float32)
    five = [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    chosen = points if count == 68 else np.stack(five)
    box = np.array([[45, 35, 145, 150]], np.float32)
    return picture[None], box, chosen[None]


@pytest.mark.parametrize("count", [5, 68])
@pytest.mark.parametrize("name", NAMES)
def test_a_real_clip_and_its_fake_differ_in_the_face_alone(picture, name, count):
    network = build_detector(
        open_catalogue().detector(name)[1], {**SMALL[name], "landmarks": count}
    ).network
    frames, boxes, landmarks = clip_of(picture, count)
    for seed in range(3):
        real, fake = (
            network.training_clips(frames, boxes, landmarks, label, np.random.default_rng(seed))
            for label in (0, 1)
        )
        assert real.dtype == fake.dtype == np.uint8
        assert real.shape == fake.shape == frames.shape
        assert not np.array_equal(real, frames), "real faces get other colours too"
        away = np.s_[:, :10]  # contrast looks at the whole picture, hence a grey level or two
        assert np.abs(real[away].astype(int) - fake[away]).max() <= 2
        assert np.abs(real[:, 60:110, 70:120].astype(int) - fake[:, 60:110, 70:120]).mean() > 3


def test_all_frames_of_a_clip_are_made_alike(picture):
    network = FaceWarping(**SMALL["fwa"])
    frames, boxes, landmarks = (np.repeat(part, 3, axis=0) for part in clip_of(picture))
    fake = network.training_clips(frames, boxes, landmarks, 1, np.random.default_rng(0))
    assert np.array_equal(fake[0], fake[1])
    assert np.array_equal(fake[0], fake[2])


@pytest.mark.parametrize("name", NAMES)
def test_regions_ten_at_test_one_in_training(picture, name):
    network = small(name).network
    _, boxes, landmarks = clip_of(picture)
    views = network.regions(boxes, landmarks, None)
    assert views.shape == (10, 4)
    assert np.array_equal(views, network.regions(boxes, landmarks, None))
    drawn = network.regions(boxes, landmarks, np.random.default_rng(0))
    assert drawn.shape == (1, 4)
    low, high = face(90).min(0), face(90).max(0)
    for region in (*views, *drawn):
        assert (region[:2] <= low + 3).all()
        assert (region[2:] >= high - 3).all()
        assert ((region[2:] - region[:2]) <= 1.4 * (high - low)).all()


@pytest.mark.parametrize(("asked", "given"), [(68, 5), (5, 68)])
def test_landmarks_that_are_not_there_are_named_in_one_line(picture, asked, given):
    network = FaceWarping(**SMALL["fwa"], landmarks=asked)
    frames, boxes, landmarks = clip_of(picture, given)
    rng = np.random.default_rng(0)
    for call in (
        lambda: network.training_clips(frames, boxes, landmarks, 1, rng),
        lambda: network.regions(boxes, landmarks, None),
    ):
        with pytest.raises(DataError, match=f"{asked} landmarks.*there are {given}") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_the_paper_s_rules_of_aggregation():
    """Ten regions: mean of the higher five. Frames: mean of the highest third."""
    (card,) = open_catalogue().cards("detectors")["fwa"].values()
    network = FaceWarping(**SMALL["fwa"])
    scores = np.array([0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 0.0])
    assert network.combine(scores) == pytest.approx(np.mean([0.9, 0.8, 0.7, 0.6, 0.5]))
    assert network.combine(np.array([0.3])) == 0.3
    assert AGGREGATES[card.aggregate](scores) == pytest.approx(np.mean([0.9, 0.8, 0.7]))
    assert AGGREGATES[card.aggregate](np.array([0.2, 0.6])) == 0.6
