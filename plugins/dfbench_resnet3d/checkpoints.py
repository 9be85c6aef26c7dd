"""The authors' checkpoints, both generations, in this network's terms.

2018: Kinetics-400, keys prefixed ``module.``, input 0..255 minus a mean. 2020: Kinetics-700 and
merged sets, plain keys, input 0..1 with mean and std. The two need different normalisation, and
nothing but the head's size and the prefix tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from dfbench import InitialState, WeightsError, unwrapped

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
    name: str,
    own: Mapping[str, Tensor],
    generation: str = "auto",
    classes: str = "unknown",
) -> InitialState:
    """A checkpoint's tensors for the detector ``name``, whose network's state dict is ``own``.

    The head is the harness's to fit; ``classes`` says the order of a two-class one. A head of one
    or two classes is a detector's: its input is normalised as the card says unless ``generation``
    is given. Raises WeightsError for a Kinetics checkpoint whose generation cannot be told, and
    for one that differs in its shortcuts alone.
    """
    inner = tensors.get("state_dict")
    keys = inner if isinstance(inner, Mapping) else tensors
    prefixed = all(key.startswith("module.") for key in keys)
    state = unwrapped(tensors)
    missing, unexpected = _left_over(own, state), _left_over(state, own)
    _check_shortcut(missing, unexpected, name)
    mean, std = _KNOWN.get(generation, (None, None))
    fits = not missing and not unexpected and _features(state) == _features(own)
    if fits and len(state["fc.weight"]) > 2:  # of another network the harness lists what is wrong
        mean, std = _normalisation(generation, name, prefixed, len(state["fc.weight"]))
    return InitialState(state, mean=mean, std=std, head="fc", classes=classes)


def _check_shortcut(missing: list[str], unexpected: list[str], name: str) -> None:
    strange = missing + unexpected
    if not strange or not all(".downsample." in key for key in strange):
        return
    letter, what = ("A", "missing") if missing else ("B", "unexpected")
    raise WeightsError(
        f"the checkpoint is for shortcut {letter}: {len(strange)} {what}: "
        f"{', '.join(strange[:3])}, …; say --detector {name}:shortcut={letter}"
    )


def _features(state: Mapping[str, Tensor]) -> int:
    return state["fc.weight"].shape[-1]


def _left_over(names: Iterable[str], others: Mapping[str, Tensor]) -> list[str]:
    return [n for n in names if n not in others and not n.endswith("num_batches_tracked")]


def _normalisation(
    generation: str, name: str, prefixed: bool, classes: int
) -> tuple[Triple, Triple]:
    if generation == "auto":
        if prefixed and classes in _HEADS_2018:
            generation = "2018"
        elif not prefixed and classes in _HEADS_2020:
            generation = "2020"
        else:
            raise WeightsError(
                f"a Kinetics checkpoint with {classes} classes and keys "
                f"{'with' if prefixed else 'without'} 'module.': 2018 or 2020 normalisation? Say "
                f"which, e.g. --detector {name}:generation=2020"
            )
    return _KNOWN[generation]
