"""The known answers of the sample, through the command that users type. Minutes, hence slow."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dfbench

pytestmark = pytest.mark.slow


def run(detector, folder, cache, *options):
    """AUCs with intervals: warp and flicker of ``sample``, and all of ``sample-control``."""
    command = [
        sys.executable,
        "-m",
        "dfbench",
        "run",
        "--detector",
        detector,
        "--train",
        "sample",
        "--test",
        "sample",
        "--test",
        "sample-control",
        "--out",
        str(folder),
        "--cache",
        str(cache),
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = [dfbench.load_result(path) for path in folder.glob("*/*/*/*/*/result.json")]
    tested = {result.spec.test.dataset: result for result in results}
    return (
        tested["sample"].metric("video/auc[warp]"),
        tested["sample"].metric("video/auc[flicker]"),
        tested["sample-control"].metric("video/auc"),
    )


def test_a_frame_detector_finds_warp_and_is_at_chance_on_flicker_and_control(
    sample_cache, tmp_path
):
    warp, flicker, control = run("meso4", tmp_path / "runs", sample_cache)
    assert warp.value >= 0.90
    assert flicker.low <= 0.5 <= flicker.high
    assert control.low <= 0.5 <= control.high


def test_a_temporal_detector_finds_flicker_and_is_at_chance_on_control(sample_cache, tmp_path):
    # One of its eight epochs: flicker is found in the first, the rest goes to warp.
    _, flicker, control = run("r3d18:width=0.25", tmp_path / "runs", sample_cache, "--epochs", "1")
    assert flicker.value >= 0.90
    assert control.low <= 0.5 <= control.high
