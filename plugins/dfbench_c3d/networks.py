"""C3D with one logit, positive = fake.

Tran, Bourdev, Fergus, Torresani, Paluri: "Learning Spatiotemporal Features with 3D Convolutional
Networks", ICCV 2015, figure 3. Parameter names are those of the Sports-1M port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from dfbench import InitialState, Stage, check_classes_order
from dfbench_c3d.checkpoints import read_checkpoint

# Groups of convolutions with their channels; a pooling follows each group.
_GROUPS = (
    (("conv1", 64),),
    (("conv2", 128),),
    (("conv3a", 256), ("conv3b", 256)),
    (("conv4a", 512), ("conv4b", 512)),
    (("conv5a", 512), ("conv5b", 512)),
)
_DENSE = 4096


class C3D(nn.Module):
    """Normalised clips [B, 3, frames, size, size] -> logits [B], or [B, K] with ``outputs`` K.

    width: factor on all channel counts; 1 is the paper's network.
    frames, size: of the input, at least 16; the first dense layer's size follows from them.
    channels: ``rgb`` or ``bgr``: what a checkpoint was trained on; ``auto`` = see ``checkpoints``.
    classes: order of a checkpoint's two-class head, ``real-fake`` or ``fake-real``.
    Raises ValueError for other values.
    """

    def __init__(
        self,
        width: float = 1.0,
        frames: int = 16,
        size: int = 112,
        channels: str = "auto",
        classes: str = "unknown",
        outputs: int = 1,
    ) -> None:
        super().__init__()
        if not 0 < width <= 4:
            raise ValueError(f"width is a factor above 0 and up to 4, not {width}")
        if frames < 16 or size < 16:
            raise ValueError(f"five poolings need 16 frames of 16 pixels, not {frames} of {size}")
        if channels not in ("auto", "rgb", "bgr"):
            raise ValueError(f"channels is auto, rgb or bgr, not {channels!r}")
        self.frames, self.size = frames, size
        self.channels, self.classes = channels, check_classes_order(classes)
        inputs = 3
        for name, full in (layer for group in _GROUPS for layer in group):
            convolution = nn.Conv3d(inputs, max(round(full * width), 1), 3, padding=1)
            self.add_module(name, convolution)
            inputs = convolution.out_channels
        dense = max(round(_DENSE * width), 1)
        # Four poolings halve the frames, and five the picture, the last one padded by a pixel.
        pooled = inputs * (frames // 16) * (size // 32 + 1) ** 2
        self.fc6 = nn.Linear(pooled, dense)
        self.fc7 = nn.Linear(dense, dense)
        self.fc8 = nn.Linear(dense, outputs)
        self.relu, self.dropout = nn.ReLU(), nn.Dropout(0.5)
        self.pools = nn.ModuleList(
            [
                nn.MaxPool3d((1, 2, 2)),  # time is kept at first (section 3.3)
                *(nn.MaxPool3d(2) for _ in range(3)),
                nn.MaxPool3d(2, padding=(0, 1, 1)),
            ]
        )
        self._start()

    def _start(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.Linear):
                assert module.bias is not None
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, clips: Tensor) -> Tensor:
        """Raises ValueError for clips of another length or size than it was made for."""
        declared = (self.frames, self.size, self.size)
        if clips.shape[2:] != declared:
            raise ValueError(f"c3d takes clips of {declared}, not of {tuple(clips.shape[2:])}")
        maps = clips
        for group, pool in zip(_GROUPS, self.pools, strict=True):
            for name, _ in group:
                maps = self.relu(self.get_submodule(name)(maps))
            maps = pool(maps)
        features = self.dropout(self.relu(self.fc6(maps.flatten(1))))
        features = self.dropout(self.relu(self.fc7(features)))
        logits: Tensor = self.fc8(features)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def stages(self) -> list[Stage]:
        convolutions = [
            (f"conv{i}", [self.get_submodule(name) for name, _ in group])
            for i, group in enumerate(_GROUPS, start=1)
        ]
        return [*convolutions, ("fc6", [self.fc6]), ("fc7", [self.fc7]), ("head", [self.fc8])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """A checkpoint of either PyTorch port, or one trained with their programs."""
        return read_checkpoint(tensors, self.channels, self.classes)
