"""Official checkpoints in a network's own terms: unwrapped, their head fitted, compared by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from dfbench.errors import WeightsError

Triple = tuple[float, float, float]
ORDERS = ("unknown", "real-fake", "fake-real")


@dataclass(frozen=True)
class InitialState:
    """A checkpoint by a network's own parameter names: what its ``convert`` returns.

    state: tensors by name.
    fresh: names that the checkpoint cannot fill and that therefore keep their random start. Any
        other name missing is an error.
    mean, std: RGB normalisation the checkpoint was trained with, when it differs from the card's.
    head: prefix of the classifier (``fc``: ``fc.weight``, ``fc.bias``), which is then fitted to
        one logit: see ``fit_head``. Empty = it is taken as it is.
    classes: the order of a two-class head, ``real-fake``, ``fake-real`` or ``unknown``.
    Raises ValueError when one of mean and std is given without the other.
    """

    state: Mapping[str, Tensor]
    fresh: tuple[str, ...] = ()
    mean: Triple | None = None
    std: Triple | None = None
    head: str = ""
    classes: str = "unknown"

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise ValueError("a checkpoint's normalisation is mean and std, not one of them")

    def inside(self, prefix: str, fresh: tuple[str, ...]) -> InitialState:
        """The same for a network that is the part ``prefix`` of a larger one; ``fresh`` are names
        of that one."""
        state = {f"{prefix}.{name}": tensor for name, tensor in self.state.items()}
        names = tuple(f"{prefix}.{name}" for name in self.fresh)
        return replace(self, state=state, fresh=(*names, *fresh), head="")


def check_classes_order(classes: str) -> str:
    """``classes`` itself. Raises ValueError when it is none of ``ORDERS``."""
    if classes not in ORDERS:
        raise ValueError(f"classes is real-fake or fake-real, not {classes!r}")
    return classes


def unwrapped(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict inside the usual wrappings: ``state_dict``/``net``/``model``, ``module.``.
    What is no tensor (a step count, a date) is left out."""
    for key in ("state_dict", "net", "model"):
        if isinstance(tensors.get(key), Mapping):
            tensors = tensors[key]
            break
    return {k.removeprefix("module."): v for k, v in tensors.items() if isinstance(v, Tensor)}


def fit_head(
    initial: InitialState, source: str, own: Mapping[str, Tensor] | None = None
) -> InitialState:
    """The checkpoint with its classifier turned into one logit, positive = fake.

    One row stays as it is. Of two classes the logit is fake minus real, which leaves the softmax
    score as it was. A head of other classes (ImageNet, Kinetics) is left out: it starts fresh. One
    that takes other features than the network's (``own``, its tensors) is left for ``compare``.
    Raises WeightsError for two classes in unknown order.
    """
    names = (f"{initial.head}.weight", f"{initial.head}.bias")
    weight = initial.state.get(names[0])
    if not initial.head or not isinstance(weight, Tensor) or len(weight) == 1:
        return initial
    if own is not None and names[0] in own and own[names[0]].shape[1:] != weight.shape[1:]:
        return initial
    if len(weight) != 2:
        rest = {name: tensor for name, tensor in initial.state.items() if name not in names}
        return replace(initial, state=rest, fresh=(*initial.fresh, *names))
    if initial.classes == "unknown":
        raise WeightsError(
            f"{source} has a two-class head and does not say which class is fake: say it with the "
            "detector's option classes, e.g. --detector NAME:classes=real-fake"
        )
    fake = 1 if initial.classes == "real-fake" else 0
    turned = {
        name: initial.state[name][fake : fake + 1] - initial.state[name][1 - fake : 2 - fake]
        for name in names
        if name in initial.state
    }
    return replace(initial, state={**initial.state, **turned})


def compare(own: Mapping[str, Tensor], initial: InitialState, source: str) -> None:
    """Raise WeightsError listing what is missing, unexpected, or of another shape."""
    given = initial.state
    missing = [k for k in own if k not in given and k not in initial.fresh]
    # BatchNorm's counter is not in older checkpoints and plays no part with a fixed momentum.
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    unexpected = [k for k in given if k not in own]
    strange = [k for k in given if k in own and not isinstance(given[k], Tensor)]
    shapes = [
        f"{k} {tuple(given[k].shape)} instead of {tuple(own[k].shape)}"
        for k in given
        if k in own and k not in strange and given[k].shape != own[k].shape
    ]
    problems = [
        f"{len(what)} {name}: {', '.join(_short(what))}"
        for name, what in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("no tensors", strange),
            ("of another shape", shapes),
        )
        if what
    ]
    if problems:
        raise WeightsError(f"{source} is for another network; {'; '.join(problems)}")


def _short(names: Sequence[str]) -> list[str]:
    return [*names[:3], "…"] if len(names) > 3 else list(names)
