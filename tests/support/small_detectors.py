"""Every detector in a setting that is small enough for a test, and clips for it."""

from __future__ import annotations

from functools import cache

import torch

from dfbench.catalogue.cards import ClipSpec, DetectorCard
from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector, build_detector

# Each detector in a setting that is small enough for a test; what it is at its full size is checked
# by its own tests. A detector without an entry is run as it is.
SMALL = {
    "c3d": "c3d:width=0.0625,size=32",
    "clip_linear": "clip_linear:tower=vit_tiny_patch16_224,size=32",
    "cnn_lstm": "cnn_lstm:trunk=resnet18,frames=4,size=32,hidden=32",
    "dsp_fwa": "dsp_fwa:depth=18,size=32",
    "early_fusion": "early_fusion:width=0.125,size=64",
    "efficientnet_b4": "efficientnet_b4:width=0.25,size=64",
    "fwa": "fwa:trunk=resnet18,size=32",
    "late_fusion": "late_fusion:width=0.125,size=64",
    "r3d101": "r3d101:width=0.0625,frames=8,size=32",
    "r3d152": "r3d152:width=0.0625,frames=8,size=32",
    "r3d18": "r3d18:width=0.0625,frames=8,size=32",
    "r3d200": "r3d200:width=0.0625,frames=8,size=32",
    "r3d34": "r3d34:width=0.0625,frames=8,size=32",
    "r3d50": "r3d50:width=0.0625,frames=8,size=32",
    "resnet101": "resnet101:size=48,width=0.125",
    "resnet18": "resnet18:size=48,width=0.125",
    "resnet34": "resnet34:size=48,width=0.125",
    "resnet50": "resnet50:size=48,width=0.125",
    "sbi": "sbi:model=test_efficientnet,size=64",
    "single_frame": "single_frame:width=0.125,size=64",
    "slow_fusion": "slow_fusion:width=0.125,size=64",
    "sstnet": "sstnet:trunk=resnet10t,frames=2,size=32,hidden=32",
    "tv_mc3": "tv_mc3:width=0.25,frames=4,size=16",
    "tv_r2plus1d": "tv_r2plus1d:width=0.25,frames=4,size=16",
    "tv_r3d18": "tv_r3d18:width=0.25,frames=4,size=16",
    "two_stream": "two_stream:width=0.25,size=48",
    "xception": "xception:width=0.125,size=64",
}


@cache
def configured(name: str) -> tuple[DetectorCard, dict]:
    short, given = parse_name(SMALL.get(name, name))
    _, card = open_catalogue().detector(short)
    return card.configured(given)


def small(name: str, seed: int = 0) -> Detector:
    card, options = configured(name)
    return build_detector(card, options, seed)


def clips_of(spec: ClipSpec, count: int, seed: int = 0) -> torch.Tensor:
    """Different coloured gratings, moving: clips [count, 3, T, size, size] in 0..1."""
    rng = torch.Generator().manual_seed(seed)
    t = torch.arange(spec.frames).view(-1, 1, 1)
    y, x = torch.meshgrid(*[torch.linspace(0, 6.28, spec.size)] * 2, indexing="ij")
    made = []
    for _ in range(count):
        turn, speed = torch.rand(2, generator=rng) * 3
        wave = torch.sin((1 + 2 * turn) * x + y + speed * t) * 0.3 + 0.5
        colour = 0.4 + 0.6 * torch.rand(3, 1, 1, 1, generator=rng)
        noise = 0.05 * torch.rand(3, *wave.shape, generator=rng)
        made.append((colour * wave + noise).clamp(0, 1))
    return torch.stack(made)
