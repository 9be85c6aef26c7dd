"""Xception (Chollet, CVPR 2017) as FaceForensics++ uses it, and its checkpoints' spellings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dfbench import InitialState, Stage, unwrapped
from dfbench_timm.networks import FrameNetwork, parts, without_prefix


class Xception(FrameNetwork):
    """timm's ``legacy_xception``, whose parameter names are those of the first PyTorch version.

    20,811,050 parameters with two classes. Options as ``FrameNetwork``'s; Chollet, figure 5.
    """

    def __init__(self, size: int = 299, width: float = 1.0, classes: str = "unknown") -> None:
        super().__init__("legacy_xception", size, width, classes)

    def stages(self) -> list[Stage]:
        """The paper's three flows, between the stem and the head."""
        blocks = [f"block{i}" for i in range(13)]
        return [
            ("stem", parts(self.model, "conv1", "bn1", "conv2", "bn2")),
            ("entry", parts(self.model, *blocks[1:4])),
            ("middle", parts(self.model, *blocks[4:12])),
            ("exit", parts(self.model, "block12", "conv3", "bn3", "conv4", "bn4")),
            ("head", parts(self.model, "fc")),
        ]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """A checkpoint of any PyTorch Xception that descends from tstandley's."""
        state, order = read_xception(unwrapped(tensors))
        return InitialState(
            {f"model.{name}": tensor for name, tensor in state.items()},
            head="model.fc",
            classes=order if self.classes == "unknown" else self.classes,
        )


def read_xception(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Tensors under timm's names, and the order of the two classes as far as the file tells.

    Known: the ImageNet files (``fc``, or ``last_linear`` in Cadene's package; pointwise kernels
    without their two axes of length one in the oldest), FaceForensics++ (``model.``, with
    dropout ``model.last_linear.1``) and DeepfakeBench (``backbone.``), which both put real first.
    """
    inner = None
    for prefix in ("model.", "backbone."):
        inner = inner or without_prefix(tensors, prefix)
    state = dict(inner or tensors)
    benchmarks = inner is not None and any(name.startswith("last_linear.") for name in state)
    known = {}
    for name, tensor in state.items():
        # DeepfakeBench gives every Xception this layer; the plain detector never runs it.
        if benchmarks and name.startswith("adjust_channel."):
            continue
        if name.startswith("last_linear."):
            name = "fc." + name.removeprefix("last_linear.").removeprefix("1.")
        if name.endswith(".pointwise.weight") and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        known[name] = tensor
    return known, "real-fake" if benchmarks else "unknown"
