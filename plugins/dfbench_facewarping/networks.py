"""The two networks: a plain ImageNet trunk (FWA), and one with a spatial pyramid (DSP-FWA).

Li & Lyu, "Exposing DeepFake Videos By Detecting Face Warping Artifacts", CVPR Workshops 2019; the
pyramid is He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", ECCV 2014. Both see
BGR in 0..255 minus a mean; the harness normalises in RGB, so the networks turn the channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from dfbench import InitialState, Stage, check_classes_order
from dfbench_facewarping.checkpoints import read_pyramid, read_trunk
from dfbench_facewarping.training import FaceWarpingRules

TRUNKS = ("resnet50", "vgg16", "resnet101", "resnet152", "resnet18", "resnet34")
DEPTHS = (18, 34, 50, 101, 152)
LEVELS = (1, 2, 6)


class FaceWarping(FaceWarpingRules):
    """FWA: normalised frames [B, 3, 1, size, size] -> logits [B], positive = fake.

    trunk: one of ``TRUNKS``, a torchvision architecture. classes: the order of a checkpoint's
    two-class head; the authors' is ``fake-real``. size, landmarks, views: see
    ``FaceWarpingRules``. Raises ValueError for other values, and for clips of several frames.
    """

    def __init__(
        self,
        trunk: str = "resnet50",
        size: int = 224,
        landmarks: int = 5,
        views: int = 10,
        classes: str = "fake-real",
    ) -> None:
        super().__init__("fwa", landmarks, views, size)
        if trunk not in TRUNKS:
            raise ValueError(f"trunk is one of {', '.join(TRUNKS)}, not {trunk!r}")
        self.classes = check_classes_order(classes)
        self.trunk = models.get_model(trunk, weights=None, num_classes=1)

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.trunk(_bgr_frames(clips, "fwa"))
        return logits[:, 0]

    def stages(self) -> list[Stage]:
        if not isinstance(self.trunk, models.VGG):
            return [*_resnet_stages(self.trunk), ("head", [self.trunk.fc])]
        bounds = (0, 5, 10, 17, 24, 31)  # VGG-16's five blocks end with a max-pooling
        parts = [self.trunk.features[a:b] for a, b in pairwise(bounds)]
        blocks = [(f"block{i}", [part]) for i, part in enumerate(parts, 1)]
        *dense, head = self.trunk.classifier
        return [*blocks, ("dense", dense), ("head", [head])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        head = "classifier.6" if isinstance(self.trunk, models.VGG) else "fc"
        return read_trunk(tensors, head, self.classes)


class SpatialPyramidFaceWarping(FaceWarpingRules):
    """DSP-FWA: normalised frames [B, 3, 1, size, size] -> logits [B], positive = fake.

    depth: 18, 34, 50, 101 or 152 layers of the ResNet. classes, size, landmarks, views, errors: as
    in ``FaceWarping``.
    """

    def __init__(
        self,
        depth: int = 50,
        size: int = 224,
        landmarks: int = 5,
        views: int = 10,
        classes: str = "fake-real",
    ) -> None:
        super().__init__("dsp_fwa", landmarks, views, size)
        if depth not in DEPTHS:
            raise ValueError(f"depth is one of {', '.join(map(str, DEPTHS))}, not {depth}")
        self.classes = check_classes_order(classes)
        self.trunk = models.get_model(f"resnet{depth}", weights=None)
        channels = self.trunk.fc.in_features
        self.trunk.fc = nn.Identity()  # the pyramid takes its place: no weights that do nothing
        self.classifier = nn.Linear(channels * sum(n * n for n in LEVELS), 1)

    def forward(self, clips: Tensor) -> Tensor:
        t, images = self.trunk, _bgr_frames(clips, "dsp_fwa")
        maps = t.maxpool(t.relu(t.bn1(t.conv1(images))))
        maps = t.layer4(t.layer3(t.layer2(t.layer1(maps))))
        logits: Tensor = self.classifier(pyramid(maps))
        return logits[:, 0]

    def stages(self) -> list[Stage]:
        return [*_resnet_stages(self.trunk), ("head", [self.classifier])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        return read_pyramid(tensors, self.classes)


def pyramid(maps: Tensor) -> Tensor:
    """Maps [B, C, H, W] max-pooled to 1x1, 2x2 and 6x6, each flattened channel by channel and put
    one after the other: [B, 41 C], the order of the official classifier's weights.

    On the 7x7 map of a 224-pixel input the adaptive windows are the original's: sides 7, 4, 2 at
    steps 7, 3, 1.
    """
    levels = [functional.adaptive_max_pool2d(maps, n).flatten(1) for n in LEVELS]
    return torch.cat(levels, dim=1)


def _bgr_frames(clips: Tensor, name: str) -> Tensor:
    if clips.shape[2] != 1:
        raise ValueError(f"{name} takes single frames, not clips of {clips.shape[2]}")
    return clips[:, :, 0].flip(1)


def _resnet_stages(trunk: nn.Module) -> list[Stage]:
    layers = [(f"layer{i}", [trunk.get_submodule(f"layer{i}")]) for i in range(1, 5)]
    stem = [trunk.get_submodule("conv1"), trunk.get_submodule("bn1")]
    return [("stem", stem), *layers]
