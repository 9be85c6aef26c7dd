"""torchvision's video ResNets with one logit, positive = fake.

Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018:
R3D (section 3.2), MC3 (3.3) and R(2+1)D (3.5). Their stem keeps the frames and halves the picture
once, where Hara's 3D ResNets pool as well: another network, with four times the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision.models.video.resnet import (
    BasicBlock,
    BasicStem,
    Conv2Plus1D,
    Conv3DNoTemporal,
    Conv3DSimple,
    R2Plus1dStem,
    VideoResNet,
)

from dfbench import InitialState, Stage, check_classes_order, unwrapped

# Of each network the stem and the convolutions of its four stages.
_KINDS: dict[str, tuple[Any, list[Any]]] = {
    "r3d18": (BasicStem, [Conv3DSimple] * 4),
    "mc3": (BasicStem, [Conv3DSimple] + [Conv3DNoTemporal] * 3),
    "r2plus1d": (R2Plus1dStem, [Conv2Plus1D] * 4),
}


class VideoNet(VideoResNet):  # type: ignore[misc]  # torchvision ships no types
    """One of torchvision's video ResNets: clips [B, 3, frames, H, W] -> logits [B].

    kind: ``r3d18``, ``mc3`` or ``r2plus1d``.
    width: factor on the channels of the four stages; the stem keeps its 64.
    frames, size: of the clips that the harness gives; the network itself takes any.
    classes: order of a checkpoint's two-class head, ``real-fake`` or ``fake-real``.
    Raises ValueError for other values.
    """

    def __init__(
        self,
        kind: str,
        width: float = 1.0,
        frames: int = 16,
        size: int = 112,
        classes: str = "unknown",
    ) -> None:
        if not 0 < width <= 4:
            raise ValueError(f"width is a factor above 0 and up to 4, not {width}")
        if frames < 2:
            raise ValueError(f"a clip has 2 frames at least, not {frames}")
        del size
        self.width = width  # before the stages are made, which ask for it
        stem, convolutions = _KINDS[kind]
        super().__init__(BasicBlock, convolutions, [2, 2, 2, 2], stem)
        self.fc = nn.Linear(self.inplanes, 1)
        nn.init.normal_(self.fc.weight, 0, 0.01)
        nn.init.zeros_(self.fc.bias)
        self.classes = check_classes_order(classes)

    def _make_layer(
        self, block: type[nn.Module], builder: Any, planes: int, blocks: int, stride: int = 1
    ) -> nn.Sequential:
        narrow = max(round(planes * self.width), 1)
        layer: nn.Sequential = super()._make_layer(block, builder, narrow, blocks, stride)
        return layer

    def forward(self, clips: Tensor) -> Tensor:
        """Normalised clips [B, 3, T, H, W] -> logits [B]."""
        logits: Tensor = super().forward(clips)
        return logits[:, 0]

    def stages(self) -> list[Stage]:
        layers = [(f"layer{i}", [self.get_submodule(f"layer{i}")]) for i in range(1, 5)]
        return [("stem", [self.stem]), *layers, ("head", [self.fc])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """torchvision's file (Kinetics-400), or the same network trained with two classes."""
        return InitialState(unwrapped(tensors), head="fc", classes=self.classes)


r3d18 = partial(VideoNet, "r3d18")
mc3 = partial(VideoNet, "mc3")
r2plus1d = partial(VideoNet, "r2plus1d")
