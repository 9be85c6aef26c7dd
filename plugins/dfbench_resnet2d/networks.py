"""torchvision's 2D ResNets with one logit, positive = fake (He et al., CVPR 2016, table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from dfbench import InitialState, Stage, check_classes_order, unwrapped

_BLOCKS = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (Bottleneck, [3, 4, 6, 3]),
    101: (Bottleneck, [3, 4, 23, 3]),
}
_PARTS = (
    "conv1",
    "bn1",
    "relu",
    "maxpool",
    "layer1",
    "layer2",
    "layer3",
    "layer4",
    "avgpool",
    "fc",
)


class FrameResNet(nn.Module):
    """A 2D ResNet: normalised frames [B, 3, 1, S, S] -> logits [B].

    depth: 18, 34, 50 or 101. size: side S of the input, pixels, from 32. width: factor on the
    channels of the four stages, 1 = the paper's. classes: order of a
    checkpoint's two-class head, ``real-fake`` or ``fake-real``. Parameter names are torchvision's.
    Raises ValueError for other values, and in ``forward`` for clips of several frames.
    """

    def __init__(
        self, depth: int, size: int = 224, width: float = 1.0, classes: str = "unknown"
    ) -> None:
        super().__init__()
        if not 0 < width <= 4:
            raise ValueError(f"width is a factor above 0 and up to 4, not {width}")
        if size < 32:  # layer4 shrinks by 32
            raise ValueError(f"size is 32 pixels or more, not {size}")
        self.depth, self.classes = depth, check_classes_order(classes)
        network = _Wide(width, *_BLOCKS[depth], num_classes=1)
        network.fc = nn.Linear(network.inplanes, 1)
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


class _Wide(ResNet):  # type: ignore[misc]  # torchvision ships no types
    """torchvision's ResNet with ``width`` times the channels in its stages."""

    def __init__(self, width: float, *about: Any, **more: Any) -> None:
        self.width = width  # before the stages are made, which ask for it
        super().__init__(*about, **more)

    def _make_layer(self, block: Any, planes: int, *about: Any, **more: Any) -> Any:
        return super()._make_layer(block, max(round(planes * self.width), 1), *about, **more)


resnet18 = partial(FrameResNet, 18)
resnet34 = partial(FrameResNet, 34)
resnet50 = partial(FrameResNet, 50)
resnet101 = partial(FrameResNet, 101)
