"""C3D checkpoints of the two common PyTorch ports, in this network's terms.

Both ports carry over Caffe networks, which saw 0..255 minus the mean of Sports-1M, in BGR. The
first port (``conv1.weight`` … ``fc8.bias``) says neither; a user found both, with the mean by
channel, and the port's own example then scores 0.9999 for its class (DavideA/c3d-pytorch, issue
1). The second (``features.0.weight`` … ``classifier.3.bias``, no last layer) reads pictures as
BGR and subtracts the same mean, rounded (jfzhang95/pytorch-video-recognition).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dfbench import InitialState, unwrapped

_MEAN = (101.41 / 255, 97.66 / 255, 90.25 / 255)  # RGB
_STD = (1 / 255, 1 / 255, 1 / 255)
_SECOND_PORT = {
    "features.0": "conv1",
    "features.3": "conv2",
    "features.6": "conv3a",
    "features.8": "conv3b",
    "features.11": "conv4a",
    "features.13": "conv4b",
    "features.16": "conv5a",
    "features.18": "conv5b",
    "classifier.0": "fc6",
    "classifier.3": "fc7",
    "classifier.6": "fc8",
}
_HEAD = ("fc8.weight", "fc8.bias")


def read_checkpoint(tensors: Mapping[str, Any], channels: str, classes: str) -> InitialState:
    """A checkpoint's tensors, its first convolution turned to RGB where it was trained on BGR.

    channels: ``rgb``, ``bgr``, or ``auto``: a head of one or two classes is a detector's that
    somebody trained, taken to be RGB; every other file is a port of the Caffe network, BGR. The
    input is always 0..255 minus the mean.
    """
    state = {_own_name(name): tensor for name, tensor in unwrapped(tensors).items()}
    head = state.get("fc8.weight")
    if channels == "auto":
        channels = "rgb" if head is not None and len(head) <= 2 else "bgr"
    first = state.get("conv1.weight")
    if channels == "bgr" and isinstance(first, Tensor):
        state["conv1.weight"] = first.flip(1)
    fresh = _HEAD if head is None else ()
    return InitialState(state, fresh, _MEAN, _STD, head="fc8", classes=classes)


def _own_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    return f"{_SECOND_PORT[layer]}.{kind}" if layer in _SECOND_PORT else name
