"""Checkpoints in timm's terms: timm's own, and the authors', named as efficientnet-pytorch does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from dfbench import InitialState, WeightsError, unwrapped

_AUTHORS_MODEL = "tf_efficientnet_b4"
_TOP = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_FIRST_BLOCK = {  # of the first stage, which does not expand
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def read_checkpoint(
    tensors: Mapping[str, Any], trunk: nn.Module, model: str, head: str, classes: str
) -> InitialState:
    """A timm state dict, or the authors' ``sbi.tar``: {"model": {"net._conv_stem.weight": …}}.

    trunk: the network of the name ``model``, whose classifier is called ``head``. Raises
    WeightsError when the authors' file meets a model of other padding: it needs
    ``tf_efficientnet_b4``, which pads as TensorFlow does.
    """
    state = unwrapped(tensors)
    state = {name.removeprefix("net."): tensor for name, tensor in state.items()}
    if "_conv_stem.weight" in state:
        if not model.startswith("tf_efficientnet"):
            raise WeightsError(
                "this checkpoint is of efficientnet-pytorch, which pads as TensorFlow does: use "
                f"sbi:model={_AUTHORS_MODEL}"
            )
        lengths = [len(stage) for stage in trunk.blocks]  # type: ignore[union-attr]
        return InitialState(
            {f"trunk.{_renamed(name, lengths)}": tensor for name, tensor in state.items()},
            mean=(0.0, 0.0, 0.0),  # the authors' network sees 0..1 as it is
            std=(1.0, 1.0, 1.0),
            head=f"trunk.{head}",
            classes=classes,
        )
    if not all(name.startswith("trunk.") for name in state):
        state = {f"trunk.{name}": tensor for name, tensor in state.items()}
    return InitialState(state, head=f"trunk.{head}", classes=classes)


def _renamed(name: str, lengths: Sequence[int]) -> str:
    """timm's name of a parameter of efficientnet-pytorch; a name that is unknown stays."""
    parts = name.split(".")
    if parts[0] != "_blocks" or len(parts) < 4 or not parts[1].isdecimal():
        return ".".join([_TOP.get(parts[0], parts[0]), *parts[1:]])
    number, stage = int(parts[1]), 0
    while stage < len(lengths) - 1 and number >= lengths[stage]:
        number, stage = number - lengths[stage], stage + 1
    known = _BLOCK if stage else _FIRST_BLOCK
    return ".".join([f"blocks.{stage}.{number}", known.get(parts[2], parts[2]), *parts[3:]])
