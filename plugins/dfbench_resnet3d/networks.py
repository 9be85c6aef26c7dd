"""3D ResNets for clips of 16 frames, written from the papers.

Hara, Kataoka, Satoh: "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?",
CVPR 2018 (table 1); Kataoka et al.: "Would Mega-scale Datasets Further Enhance Spatiotemporal 3D
CNNs?", 2020. Parameter names are those of the authors' checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from dfbench import InitialState, Stage, check_classes_order
from dfbench_resnet3d.checkpoints import read_checkpoint

_LAYERS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
_WIDTHS = (64, 128, 256, 512)


def _conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


def _conv1(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)


class _PadShortcut(nn.Module):
    """Shortcut A (He et al. 2016): take every ``stride``-th value, fill new channels with zeros."""

    def __init__(self, outputs: int, stride: int) -> None:
        super().__init__()
        self.outputs, self.stride = outputs, stride

    def forward(self, maps: Tensor) -> Tensor:
        maps = functional.avg_pool3d(maps, kernel_size=1, stride=self.stride)
        return functional.pad(maps, (0, 0, 0, 0, 0, 0, 0, self.outputs - maps.shape[1]))


class _Block(nn.Module):
    """A residual block; the 3x3x3 convolution carries the stride."""

    expansion: int

    def __init__(self, outputs: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.downsample = downsample
        self.relu = nn.ReLU(inplace=True)
        self.outputs = outputs

    def residual(self, maps: Tensor) -> Tensor:
        raise AssertionError(f"a block defines its residual for {tuple(maps.shape)}")

    def forward(self, maps: Tensor) -> Tensor:
        shortcut = maps if self.downsample is None else self.downsample(maps)
        joined: Tensor = self.relu(self.residual(maps) + shortcut)
        return joined


class _Basic(_Block):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__(width, downsample)
        self.conv1, self.bn1 = _conv3(inputs, width, stride), nn.BatchNorm3d(width)
        self.conv2, self.bn2 = _conv3(width, width), nn.BatchNorm3d(width)

    def residual(self, maps: Tensor) -> Tensor:
        maps = self.relu(self.bn1(self.conv1(maps)))
        result: Tensor = self.bn2(self.conv2(maps))
        return result


class _Bottleneck(_Block):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__(width * 4, downsample)
        self.conv1, self.bn1 = _conv1(inputs, width), nn.BatchNorm3d(width)
        self.conv2, self.bn2 = _conv3(width, width, stride), nn.BatchNorm3d(width)
        self.conv3, self.bn3 = _conv1(width, width * 4), nn.BatchNorm3d(width * 4)

    def residual(self, maps: Tensor) -> Tensor:
        maps = self.relu(self.bn1(self.conv1(maps)))
        maps = self.relu(self.bn2(self.conv2(maps)))
        result: Tensor = self.bn3(self.conv3(maps))
        return result


class ResNet3d(nn.Module):
    """A 3D ResNet: normalised clips [B, 3, T, H, W] -> logits [B], or [B, K] with ``outputs`` K.

    depth: 18, 34, 50, 101, 152 or 200.
    width: factor on all channel counts; 1 is the paper's network.
    shortcut: ``B`` = convolution and batch norm, ``A`` = padding without weights.
    frames, size: of the clips that the harness gives; the network itself takes any.
    generation: ``auto``, ``2018`` or ``2020``: whose normalisation a checkpoint needs.
    classes: order of a checkpoint's two-class head, ``real-fake`` or ``fake-real``.
    Raises ValueError for other values.
    """

    def __init__(
        self,
        depth: int,
        width: float = 1.0,
        frames: int = 16,
        size: int = 112,
        shortcut: str = "B",
        generation: str = "auto",
        classes: str = "unknown",
        outputs: int = 1,
    ) -> None:
        super().__init__()
        if shortcut not in ("A", "B"):
            raise ValueError(f"shortcut is A or B, not {shortcut!r}")
        if generation not in ("auto", "2018", "2020"):
            raise ValueError(f"generation is auto, 2018 or 2020, not {generation!r}")
        if not 0 < width <= 4:
            raise ValueError(f"width is a factor above 0 and up to 4, not {width}")
        if frames < 2:
            raise ValueError(f"a clip has 2 frames at least, not {frames}")
        del size
        self.name = f"r3d{depth}"
        self.generation, self.classes = generation, check_classes_order(classes)
        block = _Basic if depth < 50 else _Bottleneck
        widths = [max(round(w * width), 1) for w in _WIDTHS]
        self.conv1 = nn.Conv3d(3, widths[0], 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        inputs = widths[0]
        for i, (size, count) in enumerate(zip(widths, _LAYERS[depth], strict=True), start=1):
            layer = _layer(block, inputs, size, count, 1 if i == 1 else 2, shortcut)
            self.add_module(f"layer{i}", layer)
            inputs = size * block.expansion
        self.fc = nn.Linear(inputs, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, _Bottleneck):
                # A block starts as its shortcut: without this the deep ones hardly learn from a
                # random start. Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1.
                nn.init.zeros_(module.bn3.weight)

    def forward(self, clips: Tensor) -> Tensor:
        """Normalised clips [B, 3, T, H, W], T >= 1 -> logits [B]."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(clips))))
        for i in range(1, 5):
            maps = self.get_submodule(f"layer{i}")(maps)
        logits: Tensor = self.fc(maps.mean(dim=(2, 3, 4)))
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def stages(self) -> list[Stage]:
        layers = [(f"layer{i}", [self.get_submodule(f"layer{i}")]) for i in range(1, 5)]
        return [("stem", [self.conv1, self.bn1]), *layers, ("head", [self.fc])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """The authors' checkpoint of either generation, or one trained with their program."""
        return read_checkpoint(tensors, self.name, self.state_dict(), self.generation, self.classes)


def _layer(
    block: type[_Basic] | type[_Bottleneck],
    inputs: int,
    width: int,
    count: int,
    stride: int,
    shortcut: str,
) -> nn.Sequential:
    outputs = width * block.expansion
    downsample: nn.Module | None = None
    if stride != 1 or inputs != outputs:
        downsample = (
            _PadShortcut(outputs, stride)
            if shortcut == "A"
            else nn.Sequential(_conv1(inputs, outputs, stride), nn.BatchNorm3d(outputs))
        )
    first = block(inputs, width, stride, downsample)
    return nn.Sequential(first, *(block(outputs, width, 1, None) for _ in range(count - 1)))


resnet18 = partial(ResNet3d, 18)
resnet34 = partial(ResNet3d, 34)
resnet50 = partial(ResNet3d, 50)
resnet101 = partial(ResNet3d, 101)
resnet152 = partial(ResNet3d, 152)
resnet200 = partial(ResNet3d, 200)
