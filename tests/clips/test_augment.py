"""What training does to a clip: one draw for all its frames, each degradation as its name says."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from dfbench.clips import degrade
from dfbench.clips.augment import POLICIES, Augmentation, none, strong, study
from dfbench.faces.geometry import Jitter

COLOURS = {
    "bright": (1.17, 1.0, 1.0, 0.0),
    "dark": (0.63, 1.0, 1.0, 0.0),
    "flat": (1.0, 0.8, 1.0, 0.0),
    "harsh": (1.0, 1.2, 1.0, 0.0),
    "grey": (1.0, 1.0, 0.0, 0.0),
    "vivid": (1.0, 1.0, 1.3, 0.0),
    "turned": (1.0, 1.0, 1.0, 25.0),
    "all": (1.13, 0.87, 1.21, -7.0),
}
ACTIONS = {
    "brightness": lambda clip: degrade.colour(clip, 1.2),
    "colour": lambda clip: degrade.colour(clip, 1.13, 0.87, 1.21, -7.0),
    "downscale": lambda clip: degrade.downscale(clip, 0.37),
    "blur": lambda clip: degrade.blur(clip, 1.4),
    "noise": lambda clip: degrade.noise(clip, 6.0, 3),
    "jpeg": lambda clip: degrade.jpeg(clip, 50),
    "h264": lambda clip: degrade.h264(clip, 30),
}


def clip(frames: int, height: int, width: int | None = None, seed: int = 0) -> np.ndarray:
    """Smooth colours with an edge: what a compressor is made for, unlike white noise."""
    width = width or height
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (frames, 5, 5, 3)).astype(np.uint8)
    grown = [cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR) for image in small]
    smooth = np.stack(grown)
    smooth[:, : height // 3, : width // 3] //= 2
    return smooth


def still(frames: int, side: int) -> np.ndarray:
    return np.repeat(clip(1, side), frames, axis=0)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def slow_colour(clip, brightness, contrast, saturation, hue):
    """By the definitions, pixel arithmetic in floats: hue in YIQ, then saturation about each
    pixel's grey, then brightness, then contrast about the mean grey."""
    grey = np.array([0.299, 0.587, 0.114])
    yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    image = clip.astype(float)
    y, i, q = np.moveaxis(image @ yiq.T, -1, 0)
    chroma = (i + 1j * q) * np.exp(1j * np.radians(hue))
    image = np.stack([y, chroma.real, chroma.imag], axis=-1) @ np.linalg.inv(yiq).T
    luma = (image @ grey)[..., None]
    image = (luma + (image - luma) * saturation) * brightness
    mean = (clip @ grey).mean() * brightness
    return np.clip(mean + (image - mean) * contrast, 0, 255)


def test_what_means_nothing_gives_the_clip_itself():
    given = clip(2, 15)
    assert degrade.colour(given) is given
    assert degrade.colour(given, 1.0, 1.0, 1.0, 0.0) is given
    assert degrade.downscale(given, 1.0) is given
    assert degrade.blur(given, 0.0) is given
    assert degrade.noise(given, 0.0, 7) is given
    assert degrade.jpeg(given, 0) is given
    assert degrade.h264(given, 0) is given
    assert Augmentation().apply(given) is given
    assert none(np.random.default_rng(0)) == Augmentation()


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("shape", [(1, 299, 299), (16, 15, 15), (1, 15, 15), (3, 31, 46)])
def test_shape_and_kind_stay_and_the_given_clip_too(name, shape):
    given = clip(*shape)
    before = given.copy()
    done = ACTIONS[name](given)
    assert (done.shape, done.dtype) == (given.shape, np.uint8)
    assert np.array_equal(given, before)
    assert not np.array_equal(done, given)  # it does something


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize(("frames", "side"), [(16, 15), (7, 112), (5, 33)])
def test_equal_frames_stay_equal(name, frames, side):
    """Fakes betray themselves by what differs from frame to frame; augmentation must add none, but
    for what H.264 itself does to a still picture, whose first frame its later ones refine."""
    done = ACTIONS[name](still(frames, side)).astype(int)
    assert abs(done - done[:1]).max() <= (8 if name == "h264" else 0)
    assert abs(done - done[:1]).mean() < 0.5


@pytest.mark.parametrize("name", ["brightness", "downscale", "blur", "noise", "jpeg"])
def test_a_frame_does_not_depend_on_its_neighbours(name):
    given = clip(4, 33)
    assert np.array_equal(ACTIONS[name](given)[2], ACTIONS[name](given[2:3])[0])


@pytest.mark.parametrize("factors", COLOURS.values(), ids=COLOURS)
def test_colours_are_those_of_the_definition(factors):
    given = clip(3, 47, seed=4)
    expected = slow_colour(given, *factors)
    done = degrade.colour(given, *factors)
    assert abs(done - expected).max() <= 1  # OpenCV computes with ten bits after the point
    assert abs((done - expected).mean()) < 0.1


def test_hue_turns_full_circle_and_leaves_grey_alone():
    given = clip(2, 29)
    assert abs(degrade.colour(given, hue=360.0).astype(int) - given).max() <= 1
    assert abs(degrade.colour(given, hue=120.0).astype(int) - given).max() > 50
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1), 3, axis=-1)
    assert abs(degrade.colour(grey, hue=77.0, saturation=1.3).astype(int) - grey).max() <= 1


def test_brightness_saturates():
    given = np.array([0, 100, 200, 255], np.uint8).repeat(3).reshape(1, 2, 2, 3)
    assert degrade.colour(given, 1.5)[0, :, :, 0].tolist() == [[0, 150], [255, 255]]
    assert degrade.colour(given, 1.5, 1.0, 1.1)[0, :, :, 0].tolist() == [[0, 150], [255, 255]]


def test_a_smaller_size_takes_away_detail_and_keeps_the_place():
    """A step from black to white: its middle stays where it was, the ramp gets wider."""
    given = np.zeros((1, 64, 64, 3), np.uint8)
    given[:, :, 32:] = 255
    for factor in (0.75, 0.5, 0.25):
        row = degrade.downscale(given, factor)[0, 10, :, 0].astype(float)
        assert row[:32].sum() + row[32:].sum() == pytest.approx(32 * 255, rel=0.02)
        assert row[31] + row[32] == pytest.approx(255, abs=3)
    detail = clip(1, 64, seed=2)
    detail[:, ::2] //= 2
    kept = [psnr(degrade.downscale(detail, factor), detail) for factor in (0.9, 0.6, 0.3)]
    assert kept == sorted(kept, reverse=True)


def test_blur_is_a_gaussian_of_that_sigma():
    given = np.zeros((1, 41, 41, 3), np.uint8)
    given[0, 20, 20] = 255
    for sigma in (0.8, 1.5):
        spread = degrade.blur(given, sigma)[0, :, :, 1].astype(float)
        at = np.arange(41) - 20.0
        expected = np.exp(-(at[:, None] ** 2 + at**2) / (2 * sigma**2))
        assert abs(spread - 255 * expected / expected.sum()).max() <= 1


def test_noise_has_its_deviation_and_one_field_for_all_frames():
    given = np.full((3, 80, 80, 3), 128, np.uint8)
    given[1] = 90
    done = degrade.noise(given, 6.0, 1).astype(int) - given
    assert done.std() == pytest.approx(6.0, rel=0.03)
    assert abs(done.mean()) < 0.2
    assert np.array_equal(done[0], done[1])
    assert np.array_equal(degrade.noise(given, 6.0, 1), degrade.noise(given, 6.0, 1))
    assert not np.array_equal(degrade.noise(given, 6.0, 1), degrade.noise(given, 6.0, 2))
    light = degrade.noise(np.full((1, 40, 40, 3), 254, np.uint8), 8.0, 0)
    assert light.min() > 200  # saturates, does not wrap around


@pytest.mark.parametrize("shape", [(1, 63, 63), (8, 48, 48)])
def test_better_compression_is_nearer(shape):
    given = clip(*shape, seed=3)
    jpeg = [psnr(degrade.jpeg(given, quality), given) for quality in (10, 40, 70, 95)]
    h264 = [psnr(degrade.h264(given, crf), given) for crf in (45, 35, 25, 15)]
    for reached in (jpeg, h264):
        assert reached == sorted(reached)
        assert reached[0] < reached[-1] - 5
        assert reached[-1] > 30


def test_compression_keeps_colours_and_the_order_of_frames():
    """Red is red (no channels turned), and frame n comes back as frame n."""
    given = np.zeros((16, 32, 32, 3), np.uint8)
    for n in range(16):
        given[n] = (230 - 5 * n, 20 + 10 * n, 30)
    for done in (degrade.jpeg(given, 90), degrade.h264(given, 10)):
        assert abs(done.astype(int) - given).max() <= 6


def test_a_clip_is_degraded_in_the_order_of_its_making():
    """A compressed picture is the last thing that happens: of noise laid on it none would be
    compressed."""
    given = clip(2, 40)
    step = degrade.colour(given, 1.1, 0.9, 1.2, 5.0)
    step = degrade.blur(degrade.downscale(step, 0.5), 1.0)
    step = degrade.h264(degrade.jpeg(degrade.noise(step, 4.0, 9), 70), 28)
    drawn = Augmentation(Jitter(), 1.1, 0.9, 1.2, 5.0, 0.5, 1.0, 4.0, 9, 70, 28)
    assert np.array_equal(drawn.apply(given), step)


@pytest.fixture(scope="module")
def drawn() -> list[Augmentation]:
    return [strong(np.random.default_rng([5, n])) for n in range(1000)]


def test_each_degradation_is_drawn_for_one_clip_of_five(drawn):
    hits = {
        "scale": [a.scale < 1.0 for a in drawn],
        "blur": [a.blur > 0 for a in drawn],
        "noise": [a.noise > 0 for a in drawn],
        "jpeg": [a.jpeg > 0 for a in drawn],
        "h264": [a.h264 > 0 for a in drawn],
    }
    counts = {name: sum(hit) for name, hit in hits.items()}
    assert all(abs(count - 200) < 51 for count in counts.values()), counts  # 4 deviations
    # But for those two they fall independently: any two meet in one clip of 25.
    for one, two in itertools.combinations(hits, 2):
        both = sum(a and b for a, b in zip(hits[one], hits[two], strict=True))
        assert (both == 0) if {one, two} == {"jpeg", "h264"} else (15 < both < 70), (one, two)


def test_draws_are_within_what_is_told(drawn):
    assert all(0.3 <= a.scale <= 1.0 and 0 <= a.blur <= 2.0 and 0 <= a.noise <= 10 for a in drawn)
    assert {0} < {a.jpeg for a in drawn} <= {0, *range(40, 96)}
    assert {0} < {a.h264 for a in drawn} <= {0, *range(18, 41)}
    assert all(abs(a.hue) <= 10 and 0.8 <= a.contrast <= 1.2 for a in drawn)
    assert len({a.seed for a in drawn}) == 1000


@pytest.mark.parametrize("policy", POLICIES)
def test_a_draw_is_a_function_of_the_generators_seed(policy):
    one, two, other = (POLICIES[policy](np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert one == two
    given = clip(2, 24)
    assert np.array_equal(one.apply(given), two.apply(given))
    assert (one == other) == (policy == "none")


def test_strong_begins_with_the_study():
    """The crop of a seed is the same under both, so that they can be compared."""
    for seed in range(5):
        one, two = (policy(np.random.default_rng(seed)) for policy in (study, strong))
        assert (one.jitter, one.brightness) == (two.jitter, two.brightness)


def test_a_jitter_moves_points_as_it_says():
    """Applied to the identity map of a picture of 100: where the corners and the middle go."""
    identity = np.eye(2, 3)

    def go(jitter: Jitter, *points: tuple[float, float]) -> list[tuple[float, float]]:
        moved = jitter.moved(identity, 100)
        return [tuple(np.round(moved @ [x, y, 1], 6).tolist()) for x, y in points]

    assert go(Jitter(), (20, 30)) == [(20, 30)]
    assert go(Jitter(scale=2.0), (50, 50), (100, 0)) == [(50, 50), (75, 25)]
    assert go(Jitter(shift=(0.1, -0.2)), (50, 50)) == [(60, 30)]
    assert go(Jitter(flip=True), (20, 30)) == [(80, 30)]
    # Clockwise as seen, with y down: what was on top comes to the right.
    assert go(Jitter(rotation=90), (50, 0), (100, 50)) == [(100, 50), (50, 100)]
    assert np.array_equal(identity, np.eye(2, 3))
