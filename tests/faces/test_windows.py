"""Which frames are sampled: the whole video, always as many, never a jump."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dfbench.catalogue.cards import ClipSpec
from dfbench.faces.windows import sample_windows

SPECS = [
    ClipSpec(frames=1),
    ClipSpec(frames=1, windows=5),
    ClipSpec(frames=16),
    ClipSpec(frames=16, stride=3, windows=2),
    ClipSpec(frames=2, stride=15, windows=7),
]
COUNTS = [1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 100, 300, 1000]


@pytest.mark.parametrize(("spec", "count"), itertools.product(SPECS, COUNTS))
def test_properties(spec, count):
    numbers = sample_windows(count, spec)
    assert numbers.shape == (spec.windows, spec.frames)
    assert numbers.min() >= 0
    assert numbers.max() < count
    assert (np.diff(numbers[:, 0]) >= 0).all()
    # Never further apart than the stride says: a jump is what temporal detectors look for.
    assert np.abs(np.diff(numbers, axis=1)).max(initial=0) <= spec.stride
    span = (spec.frames - 1) * spec.stride + 1
    if count >= span:
        assert (np.diff(numbers, axis=1) == spec.stride).all()
    if count >= span + spec.windows:
        assert len({tuple(row) for row in numbers}) == spec.windows
        # Neither end is further from a sampled frame than half the distance of two windows.
        step = (count - span + 1) / spec.windows
        assert numbers.min() <= step / 2
        assert numbers.max() >= count - 1 - step / 2 - 1


def test_frames_span_the_whole_video():
    """Fault 4: evenly distributed frames that are the first N."""
    numbers = sample_windows(300, ClipSpec(frames=1, windows=32)).ravel()
    assert numbers[0] < 10
    assert numbers[-1] >= 290
    assert np.diff(numbers).min() >= 9
    assert np.diff(numbers).max() <= 10


def test_clips_span_the_whole_video():
    numbers = sample_windows(300, ClipSpec(frames=16, windows=4))
    # 285 possible starts in four parts of 71.25, each window in the middle of its part.
    assert numbers[:, 0].tolist() == [35, 106, 178, 249]


def test_a_short_video_runs_forth_and_back():
    numbers = sample_windows(4, ClipSpec(frames=10, windows=2))
    assert numbers.tolist() == [[0, 1, 2, 3, 2, 1, 0, 1, 2, 3]] * 2


def test_a_single_frame_is_repeated():
    assert sample_windows(1, ClipSpec(frames=3, windows=2)).tolist() == [[0, 0, 0]] * 2


def test_default_windows():
    assert ClipSpec(frames=1).windows == 32
    assert ClipSpec(frames=16).windows == 4
    assert ClipSpec(frames=16, windows=1).windows == 1
