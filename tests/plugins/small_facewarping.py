"""The detectors of face-warping artifacts on small networks."""

from __future__ import annotations

from dfbench import load_detector

SMALL = {"fwa": {"trunk": "resnet18", "size": 64}, "dsp_fwa": {"depth": 18, "size": 64}}
NAMES = tuple(SMALL)


def small(name: str):
    options = ",".join(f"{key}={value}" for key, value in SMALL[name].items())
    return load_detector(f"{name}:{options}")
