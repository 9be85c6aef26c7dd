"""Perturbations: what they take, that nothing is nothing, and that a draw is the video's own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from one_line import error
from scenes import CLIPS, finder, video

from dfbench.clips import degrade
from dfbench.clips.loader import WholeVideos, video_loader
from dfbench.clips.perturb import KINDS, Perturbation, perturbation, perturbations
from dfbench.clips.reader import ClipReader
from dfbench.errors import OptionError
from dfbench.faces.prepare import Prepared, prepare
from dfbench.faces.store import FaceStore

RANDOM = {"noise", "block"}


def clip(side: int = 96, frames: int = 3) -> np.ndarray:
    """Coloured texture of all scales that moves, uint8 [frames, side, side, 3]."""
    rng = np.random.default_rng(0)
    fine = rng.normal(size=(side, side, 3))
    coarse = cv2.GaussianBlur(fine, (0, 0), side / 12)
    image = 120 + 60 * coarse / coarse.std() + 8 * fine
    return np.stack([np.roll(image, 2 * t, 1) for t in range(frames)]).clip(0, 255).astype(np.uint8)


def apply(given: np.ndarray, name: str, value: float, **of) -> np.ndarray:
    return Perturbation(name, value).apply(given, *{"seed": 0, "video": "v", "n": 0, **of}.values())


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - two) ** 2)))


# --- what is asked for ------------------------------------------------------------------------


def test_a_name_alone_is_its_five_standard_values():
    found = perturbations(["blur", "jpeg"])
    assert [p.variant for p in found] == [
        *(f"blur={level}" for level in (1, 2, 3, 4, 5)),
        *(f"jpeg={quality}" for quality in (90, 70, 50, 30, 10)),
    ]
    assert all(len(perturbations([name])) == 5 for name in KINDS)


def test_values_come_once_from_mild_to_severe_under_the_first_name():
    found = perturbations(["jpeg:20,90", "h264:40,23", "jpeg:50,90"])
    assert [p.variant for p in found] == ["jpeg=90", "jpeg=50", "jpeg=20", "h264=23", "h264=40"]


def test_a_value_that_means_nothing_is_the_clean_test():
    nothing = ["blur:0", "resize:1", "h264:0", "noise:0", "block:0", "brightness:0", "contrast:0"]
    assert perturbations(nothing) == []


def test_a_variant_reads_back_as_it_was():
    for found in perturbations([*KINDS, "resize:0.123456", "h264:23"]):
        assert perturbation(found.variant) == found
        assert found.variant == f"{found.name}={found.value:g}"
    assert perturbation("") is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("fog", "h264, jpeg, resize, blur, noise, brightness, contrast, saturation, block"),
        ("blur:6", "level of 1 to 5"),
        ("blur:1.5", "whole numbers"),
        ("jpeg:0", "quality of 1 to 100"),
        ("resize:0", "factor of 0.01 to 1"),
        ("resize:nan", "factor of 0.01 to 1"),
        ("h264:52", "crf of 1 to 51"),
        ("noise:", "level of 1 to 5"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(asked, told):
    with pytest.raises(OptionError, match=told) as raised:
        perturbations([asked])
    assert "\n" not in str(raised.value)


def test_the_command_says_so_before_it_looks_at_data(command):
    asked = ["run", "--detector", "meso4", "--dataset", "folder", "--perturb", "fog"]
    assert "--perturb fog: perturbations are h264" in error(command(*asked))
    assert "--perturb" in command("run", "--help").stdout


# --- what is done -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_each_changes_pixels_alone_and_more_with_severity(name):
    given = clip()
    before = given.copy()
    done = [apply(given, name, value) for value in KINDS[name].standard]
    assert all(d.shape == given.shape and d.dtype == np.uint8 for d in done)
    assert np.array_equal(given, before)
    quality = [psnr(given, d) for d in done]
    assert np.isfinite(quality[0])
    assert all(a > b for a, b in pairwise(quality)), quality


def test_h264_at_40_is_worse_than_at_23():
    given = clip()
    assert psnr(given, apply(given, "h264", 23)) > psnr(given, apply(given, "h264", 40)) + 3


_CODED = """
import hashlib, cv2, numpy as np
from dfbench.clips import degrade
rng = np.random.default_rng(0)
for side in (72, 104, 82, 160):
    image = cv2.GaussianBlur(rng.integers(0, 256, (side, side, 3), np.uint8), (0, 0), 2)
    for frames in (1, 6):
        clip = np.stack([np.roll(image, t, 1) for t in range(frames)])
        print(hashlib.sha256(degrade.h264(clip, 40)).hexdigest())
"""


def test_h264_is_the_same_whatever_lies_in_memory():
    """x264 left to itself reads memory that it never wrote to, on processors with AVX-512."""
    told = {
        subprocess.run(
            [sys.executable, "-c", _CODED],
            check=True,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "MALLOC_PERTURB_": byte,
                "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=2000000000",
            },
        ).stdout
        for byte in ("1", "170")
    }
    assert len(told) == 1


@pytest.mark.parametrize("name", KINDS)
def test_the_draw_is_a_function_of_seed_video_and_clip(name):
    given, value = clip(), KINDS[name].standard[2]
    same = apply(given, name, value)
    assert np.array_equal(same, apply(given, name, value))
    for other in ({"seed": 1}, {"video": "w"}, {"n": 1}):
        assert np.array_equal(same, apply(given, name, value, **other)) == (name not in RANDOM)


def test_noise_and_blocks_are_drawn_anew_in_each_frame():
    still = np.repeat(clip(frames=1), 2, axis=0)
    for name in KINDS:
        first, second = apply(still, name, KINDS[name].standard[-1])
        assert name == "h264" or np.array_equal(first, second) == (name not in RANDOM), name


def test_noise_has_the_published_variance():
    """Deviation sqrt(0.002) on each of Y, Cb, Cr of range 16..235; RGB has it wider."""
    flat = np.full((4, 128, 128, 3), 128, np.uint8)
    red, green, blue = (apply(flat, "noise", 2).astype(float) - 128).std(axis=(0, 1, 2)) / (
        255 * 0.002**0.5
    )
    assert (red, green, blue) == pytest.approx(
        (
            (1.164**2 + 1.596**2) ** 0.5,
            (1.164**2 + 0.392**2 + 0.813**2) ** 0.5,
            (1.164**2 + 2.017**2) ** 0.5,
        ),
        rel=0.02,
    )


def test_saturation_takes_the_colour_and_leaves_the_luma():
    done = apply(clip(), "saturation", 5)
    assert np.ptp(done, axis=-1).max() == 0
    luma = clip() @ np.array([0.299, 0.587, 0.114])
    assert abs(done[..., 0] - luma).max() <= 1


def test_brightness_lifts_the_value_and_keeps_the_hue():
    given = np.array([[[[100, 50, 0], [0, 0, 0], [250, 125, 25]]]], np.uint8)
    lighter = degrade.lighten(given, 0.2)  # by 51 grey levels
    assert lighter.tolist() == [[[[151, 76, 0], [51, 51, 51], [255, 128, 26]]]]


@pytest.mark.parametrize("name", ["blur", "block"])
def test_a_small_crop_is_not_hit_harder_than_a_large_one(name):
    """Lengths are for a picture of 256 pixels: twice the side, twice the kernel and block."""
    small, large = np.full((1, 128, 128, 3), 40, np.uint8), np.full((1, 512, 512, 3), 40, np.uint8)
    small[:, :64], large[:, :256] = 200, 200
    one, two = (apply(picture, name, 3).astype(float) for picture in (small, large))
    reduced = np.stack([cv2.resize(two[0], (128, 128), interpolation=cv2.INTER_AREA)])
    assert abs(one - small).mean() > 0.5
    assert abs(one - reduced).mean() < 1


# --- as clips are read ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared(make_video, tmp_path_factory) -> tuple[list[Prepared], FaceStore]:
    folder = tmp_path_factory.mktemp("prepared")
    store = FaceStore(folder / "faces")
    records = [video(make_video, folder / f"{n}.mp4", label=n % 2) for n in range(4)]
    return prepare(records, CLIPS, finder(), store), store


def seen(reader: ClipReader, chunks: list[list[int]], workers: int) -> dict[int, torch.Tensor]:
    loader = video_loader(WholeVideos(reader), chunks, workers, False)
    return {number: clips for chunk in loader for number, clips in chunk}


@pytest.mark.parametrize("name", KINDS)
def test_what_a_detector_sees_depends_on_no_worker_and_no_order(prepared, name):
    videos, store = prepared
    by = Perturbation(name, KINDS[name].standard[-1])
    reader = ClipReader(videos, store, CLIPS, perturb=by, seed=7)
    alone = seen(reader, [[0, 1, 2, 3]], 0)
    spread = seen(reader, [[3], [1, 0], [2]], 2 if name in RANDOM else 0)
    turned = seen(replace(reader, videos=videos[::-1]), [[0, 1, 2, 3]], 0)
    clean = seen(replace(reader, perturb=None), [[0, 1, 2, 3]], 0)
    for number, clips in alone.items():
        assert torch.equal(clips, spread[number])
        assert torch.equal(clips, turned[3 - number])
        assert clips.shape == clean[number].shape
        assert not torch.equal(clips, clean[number]), "real and fake ones alike are perturbed"


def test_another_seed_draws_other_noise(prepared):
    videos, store = prepared
    one, two = (
        ClipReader(videos, store, CLIPS, perturb=Perturbation("noise", 3), seed=s).views(0, [0])
        for s in (0, 1)
    )
    assert not torch.equal(one, two)


def test_training_never_sees_it(prepared):
    videos, store = prepared
    plain = ClipReader(videos, store, CLIPS)
    perturbed = replace(plain, perturb=Perturbation("noise", 5))
    pick = (0, 0, 0, 1)
    one, two = (reader.training_clip(pick, "study", 0) for reader in (plain, perturbed))
    assert np.array_equal(one, two)
