"""The two-stream network with one logit, positive = fake.

Simonyan & Zisserman: "Two-Stream Convolutional Networks for Action Recognition in Videos", NIPS
2014. A spatial stream sees one frame, a temporal stream the flow of the ten frames that follow;
the score is the mean of the two. The paper's CNN-M-2048 is replaced by torchvision's ResNets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from dfbench import InitialState, Stage, unwrapped
from dfbench_two_stream.flow import flow_stacks

FRAMES = 11
_TRUNKS: dict[str, tuple[Any, list[int]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
}
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TwoStream(nn.Module):
    """Clips [B, 3, 11, H, W] in 0..1 -> logits [B].

    trunk: ``resnet18``, ``resnet34`` or ``resnet50``, of both streams.
    width: factor on the channels of the four stages; the stem keeps its 64.
    size: H and W the harness gives; the network takes any from 32.
    Raises ValueError for other values.

    The loss is the harness's, cross-entropy of the fused score, and trains both streams at once:
    each gets the gradient of its own cross-entropy times its share in the probability given to
    the right class. The paper trains them one after the other.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, trunk: str = "resnet18", width: float = 1.0, size: int = 224) -> None:
        super().__init__()
        if trunk not in _TRUNKS:
            raise ValueError(f"trunk is one of {', '.join(_TRUNKS)}, not {trunk!r}")
        if not 0 < width <= 4:
            raise ValueError(f"width is a factor above 0 and up to 4, not {width}")
        if size < 32:
            raise ValueError(f"optical flow needs pictures of 32 pixels, not {size}")
        self.spatial = _Stream(trunk, 3, width)
        self.temporal = _Stream(trunk, 2 * (FRAMES - 1), width)
        view = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(view), persistent=False)
        self.register_buffer("std", torch.tensor(_IMAGENET_STD).view(view), persistent=False)

    def forward(self, clips: Tensor) -> Tensor:
        """Raises ValueError for clips of another length than 11."""
        if clips.shape[2] != FRAMES:
            raise ValueError(f"two_stream takes clips of {FRAMES} frames, not of {clips.shape[2]}")
        seen = self.spatial((clips[:, :, 0] - self.mean) / self.std)
        moved = self.temporal(flow_stacks(clips))
        return logit_of_mean(seen, moved)

    def stages(self) -> list[Stage]:
        streams = (self.spatial, self.temporal)
        layers = [
            (name, [stream.get_submodule(name) for stream in streams])
            for name in ("layer1", "layer2", "layer3", "layer4")
        ]
        stems = [module for stream in streams for module in (stream.conv1, stream.bn1)]
        return [("stem", stems), *layers, ("head", [stream.fc for stream in streams])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """torchvision's ImageNet file for the trunk, which starts the spatial stream; the temporal
        one starts fresh, as in the paper. Or a state dict of this network."""
        state = unwrapped(tensors)
        if any(name.startswith("spatial.") for name in state):
            return InitialState(state)
        fresh = tuple(f"temporal.{name}" for name in self.temporal.state_dict())
        return InitialState({f"spatial.{k}": v for k, v in state.items()}, fresh, head="spatial.fc")


class _Stream(ResNet):  # type: ignore[misc]  # torchvision ships no types
    """A ResNet over ``channels`` input maps: [B, channels, H, W] -> logits [B]."""

    def __init__(self, trunk: str, channels: int, width: float) -> None:
        self.width = width  # before the stages are made, which ask for it
        super().__init__(*_TRUNKS[trunk])
        if channels != 3:
            self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.fc = nn.Linear(self.inplanes, 1)

    def _make_layer(
        self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        narrow = max(round(planes * self.width), 1)
        layer: nn.Sequential = super()._make_layer(block, narrow, blocks, stride, dilate)
        return layer

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = super().forward(maps)
        return logits[:, 0]


def logit_of_mean(a: Tensor, b: Tensor) -> Tensor:
    """The logit of the mean of two probabilities given as logits [B], exact where they are near 0
    or 1: log((p + q) / 2) - log((1 - p + 1 - q) / 2)."""
    a, b = a.float(), b.float()  # autocast may have made them short
    fake = torch.logaddexp(functional.logsigmoid(a), functional.logsigmoid(b))
    real = torch.logaddexp(functional.logsigmoid(-a), functional.logsigmoid(-b))
    return fake - real
