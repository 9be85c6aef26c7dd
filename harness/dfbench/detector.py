"""What the harness holds a detector by: normalisation, stages, freezing, loss, aggregation.

A plugin writes one ``torch.nn.Module``; everything here has a default it may override by giving
its module a method of that name (``stages``, ``loss``, ``aggregate``, ``convert``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dfbench.cards import ClipSpec, DetectorCard, Option
from dfbench.errors import OptionError, PluginError, WeightsError

Stage = tuple[str, list[nn.Module]]


@dataclass(frozen=True)
class InitialState:
    """An official checkpoint in a network's own terms: what its ``convert`` returns.

    state: tensors by the network's own parameter names.
    fresh: names that the checkpoint cannot fill (a head of other classes) and that therefore
        keep their random start. Any other name missing is an error.
    mean, std: RGB normalisation the checkpoint was trained with, when it differs from the card's.
    """

    state: Mapping[str, Tensor]
    fresh: tuple[str, ...] = ()
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class Detector(nn.Module):
    """A network with its normalisation: clips float [B, 3, T, H, W] in 0..1 -> logits [B].

    A positive logit means fake; ``sigmoid(logit)`` is the score. ``network`` is the plugin's own
    module and sees ``(clips - mean) / std``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, clip: ClipSpec) -> None:
        super().__init__()
        self.network = network
        self.clip = clip
        self.register_buffer("mean", torch.tensor(clip.mean).view(1, 3, 1, 1, 1))
        self.register_buffer("std", torch.tensor(clip.std).view(1, 3, 1, 1, 1))
        self._frozen: list[nn.Module] = []

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.network((clips - self.mean) / self.std)
        if logits.shape != clips.shape[:1]:
            raise PluginError(
                f"{type(self.network).__name__} returned logits of shape {tuple(logits.shape)} "
                f"for {len(clips)} clips; it must return one logit a clip, [{len(clips)}]"
            )
        return logits

    def stages(self) -> list[Stage]:
        """Named groups of modules from the input upwards; the last one is the head."""
        own = getattr(self.network, "stages", None)
        if own is None:
            return [("network", [self.network])]
        return [(name, list(modules)) for name, modules in own()]

    def loss(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Mean weighted loss of logits [B] against labels [B]; binary cross-entropy by default."""
        own = getattr(self.network, "loss", None)
        if own is not None:
            return cast(Tensor, own(logits, labels, weights))
        return functional.binary_cross_entropy_with_logits(logits, labels, weights)

    def aggregate(self, scores: NDArray[np.float64]) -> float:
        """A video's score from those of its clips [N]; their mean by default."""
        own = getattr(self.network, "aggregate", None)
        return float(scores.mean() if own is None else own(scores))

    def fine_tune(self, how: str) -> None:
        """Train ``all``, the ``head``, or the top N stages; freeze the rest, batch norm included.

        Raises OptionError when there are not that many stages.
        """
        stages = self.stages()
        top = stages_trained(how, len(stages))
        for parameter in self.parameters():
            parameter.requires_grad_(top == len(stages))
        self._frozen = [m for _, modules in stages[: len(stages) - top] for m in modules]
        for _, modules in stages[len(stages) - top :]:
            for module in modules:
                module.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Detector:
        """Training mode, but frozen stages stay in eval: their batch norm must not drift."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def place(self, device: torch.device) -> Detector:
        """Move to ``device``, convolutions in the memory layout they are fastest in (on a CPU too:
        Meso-4 scores 1.7 times as many frames)."""
        self.to(device)
        for module in self.network.modules():
            if isinstance(module, nn.Conv2d):
                module.to(memory_format=torch.channels_last)
            elif isinstance(module, nn.Conv3d):
                module.to(memory_format=torch.channels_last_3d)
        return self

    def load(self, tensors: Mapping[str, Any], source: str) -> None:
        """Take over a checkpoint: dfbench's own, or one that the network's ``convert`` knows.

        Raises WeightsError listing what is missing, unexpected, or of another shape.
        """
        if tensors and all(k in ("mean", "std") or k.startswith("network.") for k in tensors):
            initial = InitialState(tensors)
        else:
            convert = getattr(self.network, "convert", None)
            initial = convert(tensors) if convert else InitialState(_unwrapped(tensors))
            initial = InitialState(
                {f"network.{k}": v for k, v in initial.state.items()},
                (*(f"network.{k}" for k in initial.fresh), "mean", "std"),
                initial.mean,
                initial.std,
            )
        own = self.state_dict()
        _compare(own, initial, source)
        own.update(initial.state)
        self.load_state_dict(own)
        if initial.mean is not None and initial.std is not None:
            self.mean.copy_(torch.tensor(initial.mean).view_as(self.mean))
            self.std.copy_(torch.tensor(initial.std).view_as(self.std))


def build(card: DetectorCard, options: Mapping[str, Option], seed: int = 0) -> Detector:
    """The card's network with random weights drawn from ``seed``.

    Raises PluginError when the card's target is not what it should be, OptionError when the
    network refuses its options.
    """
    make = card.resolve()
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        network = make(**options)
    except ValueError as error:
        raise OptionError(f"{card.name}: {error}") from error
    finally:
        torch.set_rng_state(state)
    if not isinstance(network, nn.Module):
        raise PluginError(f"{card.target} of {card.name!r} returned {type(network).__name__}, "
                          "not a torch.nn.Module")  # fmt: skip
    return Detector(network, card.clip)


def stages_trained(how: str, stages: int) -> int:
    """How many stages from the top ``--fine-tune how`` trains. Raises OptionError."""
    if how == "all":
        return stages
    number = 1 if how == "head" else int(how) if how.isdecimal() else 0
    if not 1 <= number <= stages:
        raise OptionError(
            f"--fine-tune {how}: say head, all, or a number of stages from 1 to {stages} "
            "(dfbench show NAME lists them)"
        )
    return number


def count_parameters(module: nn.Module, trainable: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def to_unit(clips: Tensor) -> Tensor:
    """uint8 [B, T, H, W, 3] -> float [B, 3, T, H, W] in 0..1, on the device it lies on."""
    return clips.permute(0, 4, 1, 2, 3).float().div_(255)


def _unwrapped(tensors: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """The state dict inside the usual wrappings: ``state_dict``/``net``/``model``, ``module.``."""
    for key in ("state_dict", "net", "model"):
        if isinstance(tensors.get(key), Mapping):
            tensors = tensors[key]
            break
    return {k.removeprefix("module."): v for k, v in tensors.items() if isinstance(v, Tensor)}


def _compare(own: Mapping[str, Tensor], initial: InitialState, source: str) -> None:
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
