"""One trunk, four ways of joining frames (Karpathy et al., CVPR 2014, section 3.1 and figure 1).

The trunk is C(96,11,3)-N-P-C(256,5,1)-N-P-C(384,3,1)-C(384,3,1)-C(256,3,1)-P-FC(4096)-FC(4096).
Every convolution is three-dimensional, and the four networks differ only in the temporal extent
and stride of the first three: where the extent is 1 the frames pass side by side through the same
weights and meet in the first fully connected layer.

Where this departs from the paper: N is batch normalisation instead of the local response
normalisation of its day, and follows every convolution: without it the network does not leave
chance on the few videos of a fine-tuning set.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from dfbench import Stage

Time = tuple[int, int]  # extent and stride of a convolution over frames


class FusionNet(nn.Module):
    """Normalised clips [B, 3, T, S, S] -> logits [B].

    name: for messages. frames: T. times: temporal extent and stride of the first three
    convolutions, none of which pads in time. width: factor on all channel counts, 1 = the paper's.
    size: S in pixels, from 32; the paper's is 170. Raises ValueError for other values, and in
    ``forward`` for clips of another shape.
    """

    def __init__(
        self,
        name: str,
        frames: int,
        times: tuple[Time, Time, Time],
        width: float = 1.0,
        size: int = 170,
    ) -> None:
        super().__init__()
        if not 0 < width <= 4:
            raise ValueError(f"width is a factor above 0 and up to 4, not {width}")
        if size < 32:
            raise ValueError(f"size is 32 pixels or more, not {size}")
        self.name, self.frames, self.size = name, frames, size
        c1, c2, c3, c4, c5, dense = (
            max(round(n * width), 1) for n in (96, 256, 384, 384, 256, 4096)
        )
        pool = nn.MaxPool3d((1, 2, 2))
        self.conv1 = nn.Sequential(*_convolution(3, c1, 11, times[0], stride=3, padding=0), pool)
        self.conv2 = nn.Sequential(*_convolution(c1, c2, 5, times[1]), pool)
        self.conv3 = _convolution(c2, c3, 3, times[2])
        self.conv4 = _convolution(c3, c4, 3)
        self.conv5 = nn.Sequential(*_convolution(c4, c5, 3), pool)
        side = ((size - 11) // 3 + 1) // 2 // 2 // 2
        for extent, stride in times:
            frames = (frames - extent) // stride + 1
        self.fc6 = _dense(c5 * frames * side * side, dense)
        self.fc7 = _dense(dense, dense)
        self.head = nn.Linear(dense, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    def features(self, clips: Tensor) -> Tensor:
        """[B, 3, T, S, S] -> what the fully connected layers see, [B, frames left * channels *
        h * w], one frame after the other."""
        if clips.shape[2] != self.frames:
            wanted = "single frames" if self.frames == 1 else f"clips of {self.frames} frames"
            raise ValueError(f"{self.name} takes {wanted}, not clips of {clips.shape[2]}")
        if clips.shape[3:] != (self.size, self.size):
            raise ValueError(f"{self.name} takes frames of {self.size} pixels: set option size")
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            clips = layer(clips)
        return clips.transpose(1, 2).flatten(1)

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.head(self.fc7(self.fc6(self.features(clips))))[:, 0]
        return logits

    def stages(self) -> list[Stage]:
        names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "head")
        return [(name, [self.get_submodule(name)]) for name in names]


def _convolution(
    inputs: int,
    outputs: int,
    size: int,
    time: Time = (1, 1),
    stride: int = 1,
    padding: int | None = None,
) -> nn.Sequential:
    """C and N of the paper: ``size`` in space, ``time`` in time."""
    pad = size // 2 if padding is None else padding
    return nn.Sequential(
        nn.Conv3d(
            inputs,
            outputs,
            (time[0], size, size),
            (time[1], stride, stride),
            (0, pad, pad),
            bias=False,
        ),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


def _dense(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(inplace=True), nn.Dropout(0.5))


_APART: Time = (1, 1)
single_frame = partial(FusionNet, "single_frame", 1, (_APART, _APART, _APART))
# Two frames side by side through the same convolutions: shared towers, joined in the first FC.
late_fusion = partial(FusionNet, "late_fusion", 2, (_APART, _APART, _APART))
early_fusion = partial(FusionNet, "early_fusion", 10, ((10, 1), _APART, _APART))
# 10 frames -> 4 -> 2 -> 1.
slow_fusion = partial(FusionNet, "slow_fusion", 10, ((4, 2), (2, 2), (2, 2)))
