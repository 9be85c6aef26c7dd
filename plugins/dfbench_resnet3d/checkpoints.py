"""The authors' Kinetics checkpoints, both generations, in this network's terms.

2018: Kinetics-400, keys prefixed ``module.``, input 0..255 minus a mean. 2020: Kinetics-700 and
merged sets, plain keys, input 0..1 with mean and std. The two need different normalisation, and
nothing but the head's size and the prefix tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dfbench.detector import InitialState
from dfbench.errors import WeightsError

Triple = tuple[float, float, float]
# The 2018 nets saw 0..255 minus this mean, undivided; in units of 0..1 that is a std of 1/255.
_2018: tuple[Triple, Triple] = (
    (114.7748 / 255, 107.7354 / 255, 99.4750 / 255),
    (1 / 255, 1 / 255, 1 / 255),
)
_2020: tuple[Triple, Triple] = ((0.4345, 0.4051, 0.3775), (0.2768, 0.2713, 0.2737))
_KNOWN = {"2018": _2018, "2020": _2020}
_HEADS_2018 = {400}
# Kinetics-700, Moments in Time, STAIR-Actions and their merged sets.
_HEADS_2020 = {700, 339, 100, 1039, 800, 1139, 439}


def read_checkpoint(
    tensors: Mapping[str, Any],
    features: int,
    generation: str = "auto",
    classes: str = "unknown",
) -> InitialState:
    """A checkpoint's tensors, its head replaced where it has other classes.

    A two-class head whose order ``classes`` names (``real-fake`` or ``fake-real``) becomes one
    logit, fake minus real, which leaves the score as it was; its input is normalised as the card
    says unless ``generation`` is given. Raises WeightsError for a two-class head whose order is
    not known, and for a Kinetics checkpoint whose generation cannot be told.
    """
    wrapped = isinstance(tensors.get("state_dict"), Mapping)
    raw: Mapping[str, Any] = tensors["state_dict"] if wrapped else tensors
    prefixed = bool(raw) and all(key.startswith("module.") for key in raw)
    state: dict[str, Tensor] = {
        key.removeprefix("module."): value
        for key, value in raw.items()
        if isinstance(value, Tensor)
    }
    head = state.get("fc.weight")
    if head is None or head.ndim != 2 or head.shape[1] != features:
        return InitialState(state)  # the comparison of shapes says what is wrong
    outputs = head.shape[0]
    known = _KNOWN.get(generation, (None, None))
    if outputs == 1:
        return InitialState(state, mean=known[0], std=known[1])
    if outputs == 2:
        return InitialState(_one_logit(state, classes), mean=known[0], std=known[1])
    del state["fc.weight"]
    state.pop("fc.bias", None)
    mean, std = _normalisation(generation, prefixed, outputs)
    return InitialState(state, fresh=("fc.weight", "fc.bias"), mean=mean, std=std)


def _one_logit(state: Mapping[str, Tensor], classes: str) -> dict[str, Tensor]:
    if classes not in ("real-fake", "fake-real"):
        raise WeightsError(
            "the checkpoint has a two-class head and does not say which class is fake: say it, "
            "e.g. --detector r3d50:classes=real-fake"
        )
    fake = 1 if classes == "real-fake" else 0
    heads = ("fc.weight", "fc.bias")
    turned = {k: state[k][fake : fake + 1] - state[k][1 - fake : 2 - fake] for k in heads}
    return {**state, **turned}


def _normalisation(generation: str, prefixed: bool, classes: int) -> tuple[Triple, Triple]:
    if generation == "auto":
        if prefixed and classes in _HEADS_2018:
            generation = "2018"
        elif not prefixed and classes in _HEADS_2020:
            generation = "2020"
        else:
            raise WeightsError(
                f"a Kinetics checkpoint with {classes} classes and keys "
                f"{'with' if prefixed else 'without'} 'module.': 2018 or 2020 normalisation? Say "
                "which, e.g. --detector r3d50:generation=2020"
            )
    return _KNOWN[generation]
