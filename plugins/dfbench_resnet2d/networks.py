"""torchvision's 2D ResNets with one logit, positive = fake (He et al., CVPR 2016, table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torchvision
from torch import Tensor, nn

from dfbench.detector import InitialState, Stage, check_classes_order, unwrapped

_PARTS = (
    "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc",
)  # fmt: skip


class FrameResNet(nn.Module):
    """A 2D ResNet: normalised frames [B, 3, 1, S, S] -> logits [B].

    depth: 18, 34, 50 or 101. size: side S of the input, pixels, from 32. classes: order of a
    checkpoint's two-class head, ``real-fake`` or ``fake-real``. Parameter names are torchvision's.
    Raises ValueError for other values, and in ``forward`` for clips of several frames.
    """

    def __init__(self, depth: int, size: int = 224, classes: str = "unknown") -> None:
        super().__init__()
        if size < 32:  # layer4 shrinks by 32
            raise ValueError(f"size is 32 pixels or more, not {size}")
        self.depth, self.classes = depth, check_classes_order(classes)
        network = torchvision.models.get_model(f"resnet{depth}", weights=None, num_classes=1)
        for name in _PARTS:
            self.add_module(name, network.get_submodule(name))

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[2] != 1:
            raise ValueError(
                f"resnet{self.depth} takes single frames, not clips of {clips.shape[2]}"
            )
        maps = clips[:, :, 0]
        for name in _PARTS[:-1]:
            maps = self.get_submodule(name)(maps)
        logits: Tensor = self.get_submodule("fc")(maps.flatten(1))[:, 0]
        return logits

    def stages(self) -> list[Stage]:
        parts = dict(self.named_children())
        layers = [(f"layer{i}", [parts[f"layer{i}"]]) for i in range(1, 5)]
        return [("stem", [parts["conv1"], parts["bn1"]]), *layers, ("head", [parts["fc"]])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """A checkpoint of torchvision's network of this depth, with any number of classes."""
        return InitialState(unwrapped(tensors), head="fc", classes=self.classes)


resnet18 = partial(FrameResNet, 18)
resnet34 = partial(FrameResNet, 34)
resnet50 = partial(FrameResNet, 50)
resnet101 = partial(FrameResNet, 101)
