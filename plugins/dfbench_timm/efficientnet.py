"""EfficientNet-B4 (Tan & Le, ICML 2019) in the two forms in which it is distributed.

timm's own training pads symmetrically and divides by sqrt(variance + 1e-5). Google's networks,
and with them the package efficientnet_pytorch, pad as TensorFlow does, which for a stride of 2
may mean one pixel more on the right and below, and add 1e-3. The weights of one form run in the
other and score wrongly, so the form is an option and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from dfbench import InitialState, Stage, WeightsError, unwrapped
from dfbench_timm.networks import FrameNetwork, parts, without_prefix

_VARIANTS = {"timm": "efficientnet_b4", "tf": "tf_efficientnet_b4"}
_VARIANTS["deepfakebench"] = _VARIANTS["tf"]
_NATIVE_SIZE = 380
# efficientnet_pytorch's name of a layer -> timm's; b is a block's number within its stage. Blocks
# of the first stage have no expansion, so timm numbers their layers from another start.
_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
_FIRST = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
    **_SQUEEZE,
}
_OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
    **_SQUEEZE,
}
_HALF = (0.5, 0.5, 0.5)


class EfficientNetB4(FrameNetwork):
    """timm's EfficientNet-B4; 17,552,202 parameters with two classes.

    variant: ``timm``; ``tf`` = Google's and efficientnet_pytorch's; ``deepfakebench`` = the same
    without padding in the first convolution, which that benchmark replaces. Other options as
    ``FrameNetwork``'s. Raises ValueError for other values.
    """

    def __init__(
        self,
        size: int = _NATIVE_SIZE,
        width: float = 1.0,
        variant: str = "timm",
        classes: str = "unknown",
    ) -> None:
        if variant not in _VARIANTS:
            raise ValueError(f"variant is {', '.join(_VARIANTS)}, not {variant!r}")
        super().__init__(_VARIANTS[variant], size, width, classes)
        self.variant = variant
        if variant != "timm":
            _fix_padding(self.model)
        if variant == "deepfakebench":
            self.model.conv_stem.amounts = (0, 0, 0, 0)

    def stages(self) -> list[Stage]:
        blocks = [(f"blocks{i}", [stage]) for i, stage in enumerate(self.model.blocks)]
        return [
            ("stem", parts(self.model, "conv_stem", "bn1")),
            *blocks,
            ("top", parts(self.model, "conv_head", "bn2")),
            ("head", parts(self.model, "classifier")),
        ]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """A checkpoint by timm's names, by efficientnet_pytorch's, or DeepfakeBench's.

        Raises WeightsError when it belongs to another ``variant``.
        """
        state, order, mean = unwrapped(tensors), self.classes, None
        if inner := without_prefix(state, "backbone."):
            self._require("deepfakebench")
            state = {k.removeprefix("efficientnet."): v for k, v in inner.items()}
            state = {k.replace("last_layer.", "_fc."): v for k, v in state.items()}
            # DeepfakeBench puts real first, and normalises every network's input alike.
            order, mean = ("real-fake" if order == "unknown" else order), _HALF
        elif "_conv_stem.weight" in state:
            self._require("tf")
        else:
            state = without_prefix(state, "model.") or state
        if "_conv_stem.weight" in state:
            lengths = [len(stage) for stage in self.model.blocks]
            state = {timm_name(name, lengths): tensor for name, tensor in state.items()}
        named = {f"model.{name}": tensor for name, tensor in state.items()}
        return InitialState(named, mean=mean, std=mean, head="model.classifier", classes=order)

    def _require(self, variant: str) -> None:
        if self.variant != variant:
            raise WeightsError(
                f"this checkpoint is for another form of EfficientNet-B4: say it, e.g. "
                f"--detector efficientnet_b4:variant={variant}"
            )


def timm_name(name: str, lengths: list[int]) -> str:
    """timm's name of a parameter that efficientnet_pytorch calls ``name``.

    lengths: number of blocks of each stage; that package counts blocks through. A name it does
    not have comes back unchanged.
    """
    layer, _, kind = name.rpartition(".")
    if layer in _OUTER:
        return f"{_OUTER[layer]}.{kind}"
    found = re.fullmatch(r"_blocks\.(\d+)\.(\w+)", layer)
    if not found:
        return name
    block, stage = int(found[1]), 0
    while stage < len(lengths) and block >= lengths[stage]:
        block -= lengths[stage]
        stage += 1
    inner = (_FIRST if stage == 0 else _OTHERS).get(found[2])
    return f"blocks.{stage}.{block}.{inner}.{kind}" if inner else name


class _Padded(nn.Conv2d):
    """A convolution on maps padded by ``amounts`` (left, right, above, below)."""

    amounts: tuple[int, int, int, int]

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(functional.pad(input, self.amounts))


def _fix_padding(model: nn.Module) -> None:
    """Pad the strided convolutions as TensorFlow does at 380 px, whatever the input's size.

    timm would go by each input; efficientnet_pytorch, whose checkpoints the field has, goes by
    the size the network was made for.
    """
    side = _NATIVE_SIZE
    for name, old in list(model.named_modules()):
        if not isinstance(old, nn.Conv2d) or old.stride == (1, 1):
            continue
        kernel = old.kernel_size[0]
        after = -(-side // 2)
        total = max((after - 1) * 2 + kernel - side, 0)
        new = _Padded(
            old.in_channels, old.out_channels, kernel, stride=2, groups=old.groups, bias=False
        )
        new.weight = old.weight
        less, more = total // 2, total - total // 2
        new.amounts = (less, more, less, more)
        model.set_submodule(name, new)
        side = after
