"""What the harness holds a detector by: normalisation, stages, freezing, loss, aggregation.

A plugin writes one ``torch.nn.Module``; everything here has a default it may override by giving
its module a method of that name: ``stages``, ``loss``, ``aggregate``, ``combine``, ``convert`` for
what is here, ``training_clips``, ``regions``, ``augment`` for what ``clips.reader`` does.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dfbench.catalogue.cards import PLANNED, ClipSpec, DetectorCard
from dfbench.catalogue.names import Option
from dfbench.detector.aggregate import OWN, Aggregate, aggregate_called
from dfbench.detector.initial import InitialState, compare, fit_head, unwrapped
from dfbench.errors import OptionError, PluginError

Stage = tuple[str, list[nn.Module]]
"""A part of a network that is trained or frozen as a whole: its name and its modules."""
_OF_THE_READER = ("training_clips", "regions", "augment")


class Detector(nn.Module):
    """A network with its normalisation: clips float [B, 3, T, H, W] in 0..1 -> logits [B].

    A positive logit means fake; ``sigmoid(logit)`` is the score. ``network`` is the plugin's own
    module and sees ``(clips - mean) / std``; ``aggregation`` is the name of its way from the scores
    of clips to that of a video. Raises ValueError for clips of another length T than
    the card's.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, clip: ClipSpec, aggregate: str = "mean") -> None:
        super().__init__()
        self.network = network
        self.clip = clip
        self.aggregation = OWN if hasattr(network, "aggregate") else aggregate
        self.register_buffer("mean", torch.tensor(clip.mean).view(1, 3, 1, 1, 1))
        self.register_buffer("std", torch.tensor(clip.std).view(1, 3, 1, 1, 1))
        self._frozen: list[nn.Module] = []
        for module in filter(_overruns, network.modules()):
            module.register_forward_pre_hook(_channels_first)

    def forward(self, clips: Tensor) -> Tensor:
        if clips.ndim != 5 or clips.shape[2] != self.clip.frames:
            wants = (
                "single frames [B, 3, 1, H, W]"
                if self.clip.frames == 1
                else (f"clips of {self.clip.frames} frames [B, 3, {self.clip.frames}, H, W]")
            )
            raise ValueError(
                f"{type(self.network).__name__} takes {wants}, not {list(clips.shape)}"
            )
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
        """A video's score from those of its clips [N]: the network's own way, else its card's."""
        return float(self.aggregated_by(self.aggregation)(scores))

    def aggregated_by(self, name: str) -> Aggregate:
        """The function of that name, ``own`` being the network's. Raises OptionError."""
        own: Aggregate | None = getattr(self.network, "aggregate", None)
        return own if own and name == OWN else aggregate_called(name)

    def combine(self, views: NDArray[np.float64]) -> float:
        """A clip's score from those of its views [V], see ``clips.reader``; the mean by default."""
        own = getattr(self.network, "combine", None)
        return float(views.mean() if own is None else own(views))

    @property
    def makes_fakes(self) -> bool:
        """Whether it is trained on real videos alone and makes the fakes itself."""
        return hasattr(self.network, "training_clips")

    def rules(self) -> nn.Module | None:
        """The network without its numbers, for the loader's processes: they ask it for
        ``training_clips``, ``regions`` and ``augment``, and must not touch the device. None when
        it has none of these."""
        if not any(hasattr(self.network, name) for name in _OF_THE_READER):
            return None
        tensors = [*self.network.parameters(), *self.network.buffers()]
        empty = {id(tensor): tensor.detach().to("meta") for tensor in tensors}
        return copy.deepcopy(self.network, empty)

    def fine_tune(self, how: str) -> None:
        """Train ``all``, ``none``, the ``head``, or the top N stages; freeze the rest, batch norm
        included.

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
            if isinstance(module, nn.Conv2d) and not _overruns(module):
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
            initial = convert(tensors) if convert else InitialState(unwrapped(tensors))
            own_head = self.network.state_dict()
            initial = fit_head(initial, source, own_head).inside("network", ("mean", "std"))
        own = self.state_dict()
        compare(own, initial, source)
        own.update(initial.state)
        self.load_state_dict(own)
        if initial.mean is not None and initial.std is not None:
            self.mean.copy_(torch.tensor(initial.mean).view_as(self.mean))
            self.std.copy_(torch.tensor(initial.std).view_as(self.std))


def _overruns(module: nn.Module) -> bool:
    """Whether oneDNN (torch 2.15, processors without AVX-512) writes beyond its memory in the
    backward pass of this convolution, channels last, and the process aborts."""
    return (
        isinstance(module, nn.Conv2d)
        and module.in_channels < 8
        and tuple(module.kernel_size) == (1, 1)
        and tuple(module.stride) != (1, 1)
    )


def _channels_first(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor.contiguous() for tensor in inputs)


def build_detector(card: DetectorCard, options: Mapping[str, Option], seed: int = 0) -> Detector:
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
        raise PluginError(
            f"{card.target} of {card.name!r} returned {type(network).__name__}, "
            "not a torch.nn.Module"
        )
    _check_methods(card, network)
    return Detector(network, card.clip, card.aggregate)


def _check_methods(card: DetectorCard, network: nn.Module) -> None:
    """What the card says a run is planned by: a wrong word would give the run a wrong id."""
    found = tuple(name for name in PLANNED if hasattr(network, name))
    if card.methods is not None and set(card.methods) != set(found):
        raise PluginError(
            f"the card of {card.name!r} says methods={card.methods!r}, and its module has {found!r}"
        )


def stages_trained(how: str, stages: int) -> int:
    """How many stages from the top ``--fine-tune how`` trains. Raises OptionError."""
    if how in ("all", "none"):
        return stages if how == "all" else 0
    number = 1 if how == "head" else int(how) if how.isdecimal() else 0
    if not 1 <= number <= stages:
        raise OptionError(
            f"--fine-tune {how}: say head, all, none, or a number of stages from 1 to {stages} "
            "(dfbench show NAME lists them)"
        )
    return number


def count_parameters(module: nn.Module, trainable: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def to_unit(clips: Tensor) -> Tensor:
    """uint8 [B, T, H, W, 3] -> float [B, 3, T, H, W] in 0..1, on the device it lies on."""
    return clips.permute(0, 4, 1, 2, 3).float().div_(255)
