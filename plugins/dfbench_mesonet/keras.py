"""Reading Keras layers as they lie in an ``.h5`` file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dfbench import WeightsError

_NAMES = {nn.Conv2d: "conv2d", nn.BatchNorm2d: "batch_normalization", nn.Linear: "dense"}


def ordered_layers(
    tensors: Mapping[str, Any], modules: Sequence[nn.Module]
) -> list[dict[str, Tensor]]:
    """For each module the tensors of its Keras layer.

    Keras numbers the layers of a kind in the order in which they were made, so the nth module of
    a kind takes the nth number. Raises WeightsError when the kinds do not come out even.
    """
    found: dict[str, dict[int, dict[str, Tensor]]] = {}
    for path, value in tensors.items():
        layer, _, name = path.rpartition("/")
        kind, _, number = layer.rpartition("/")[2].rpartition("_")
        if not number.isdecimal():
            raise WeightsError(f"{path!r} is no Keras layer that this network has")
        found.setdefault(kind, {}).setdefault(int(number), {})[name.removesuffix(":0")] = value
    queues = {kind: [layers[n] for n in sorted(layers)] for kind, layers in found.items()}
    chosen = []
    for module in modules:
        kind = _NAMES[type(module)]
        if not queues.get(kind):
            raise WeightsError(f"the Keras file is for another network: too few {kind} layers")
        chosen.append(queues[kind].pop(0))
    if left := [kind for kind, queue in queues.items() if queue]:
        raise WeightsError(f"the Keras file is for another network: too many {left[0]} layers")
    return chosen


def to_torch(layer: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One Keras layer's tensors under PyTorch's names and in its axis order.

    Raises WeightsError when one is missing.
    """
    try:
        if "gamma" in layer:
            return {
                "weight": layer["gamma"],
                "bias": layer["beta"],
                "running_mean": layer["moving_mean"],
                "running_var": layer["moving_variance"],
            }
        kernel = layer["kernel"]
        axes = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
        return {"weight": kernel.permute(*axes).contiguous(), "bias": layer["bias"]}
    except KeyError as error:
        raise WeightsError(f"a layer of the Keras file lacks its {error}") from None
