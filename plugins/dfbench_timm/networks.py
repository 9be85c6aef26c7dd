"""What the frame detectors on timm's convolutional networks share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import timm
import torch
from torch import Tensor, nn

from dfbench import check_classes_order


def single_frames(clips: Tensor, name: str) -> Tensor:
    """Clips [B, 3, 1, H, W] -> frames [B, 3, H, W]. Raises ValueError for longer clips."""
    if clips.shape[2] != 1:
        raise ValueError(f"{name} takes single frames, not clips of {clips.shape[2]}")
    return clips[:, :, 0]


class FrameNetwork(nn.Module):
    """A convolutional network of timm: normalised clips [B, 3, 1, H, W] -> logits [B].

    timm_name: of the network, which lies in ``model`` and ends in one logit. size: side of the
    input, 32 px or more. width: factor on all channel counts; 1 is the published network.
    classes: order of a checkpoint's two-class head, ``real-fake`` or ``fake-real``. Raises
    ValueError for other values.
    """

    def __init__(self, timm_name: str, size: int, width: float, classes: str) -> None:
        super().__init__()
        if size < 32:
            raise ValueError(f"size is 32 px or more, not {size}")
        if not 0 < width <= 1:
            raise ValueError(f"width is a factor above 0 and up to 1, not {width}")
        self.classes = check_classes_order(classes)
        with nullcontext() if width == 1 else torch.device("meta"):
            self.model = timm.create_model(timm_name, num_classes=1)
        if width != 1:
            thin(self.model, width)

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.model(single_frames(clips, type(self).__name__))
        return logits[:, 0]


def thin(model: nn.Module, width: float) -> None:
    """Multiply all channel counts of a network by ``width``, in place, with new random weights.

    The image's three channels and the logit stay. It makes a network small enough for a quick
    look on a CPU; the checkpoints of the full one do not fit it.
    """

    def scaled(channels: int) -> int:
        return channels if channels <= 3 else max(round(channels * width), 1)

    def empty(like: Tensor | None, *shape: int) -> nn.Parameter | None:
        return None if like is None else nn.Parameter(torch.empty(shape))

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.in_channels = scaled(module.in_channels)
            module.out_channels = outputs = scaled(module.out_channels)
            module.groups = 1 if module.groups == 1 else scaled(module.groups)
            inputs = module.in_channels // module.groups
            module.weight = nn.Parameter(torch.empty(outputs, inputs, *module.kernel_size))
            module.bias = empty(module.bias, outputs)
        elif isinstance(module, nn.BatchNorm2d):
            module.num_features = scaled(module.num_features)
            module.weight = nn.Parameter(torch.empty(module.num_features))
            module.bias = nn.Parameter(torch.empty(module.num_features))
            module.running_mean = torch.empty(module.num_features)
            module.running_var = torch.empty(module.num_features)
            module.num_batches_tracked = torch.tensor(0)
        elif isinstance(module, nn.Linear):
            module.in_features = scaled(module.in_features)
            module.weight = nn.Parameter(torch.empty(module.out_features, module.in_features))
            module.bias = nn.Parameter(torch.empty(module.out_features))
        else:
            continue
        module.reset_parameters()


def without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor] | None:
    """``tensors`` with ``prefix`` taken off their names; None unless all of them bear it."""
    if not tensors or not all(name.startswith(prefix) for name in tensors):
        return None
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def parts(model: Any, *names: str) -> list[nn.Module]:
    """The modules ``names`` of a network."""
    return [model.get_submodule(name) for name in names]
