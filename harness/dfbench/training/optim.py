"""How weights move: the optimiser a recipe asks for, and its learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from dfbench.detector.network import Detector
from dfbench.errors import TrainingError
from dfbench.results.spec import TrainSpec

SHARPNESS_RADIUS = 0.05
"""How far uphill SAM looks: the paper's rho."""


def make_optimizer(detector: Detector, settings: TrainSpec, cuda: bool) -> torch.optim.Optimizer:
    """The optimiser over all trainable parameters, a group a stage.

    A group's ``scale`` is its share of the learning rate: 1 for the top stage, times
    ``layer_decay`` for each stage below it.
    """
    groups = []
    for above, (_, modules) in enumerate(reversed(detector.stages())):
        parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        if parameters:
            groups.append({"params": parameters, "scale": settings.layer_decay**above})
    about: dict[str, Any] = {
        "lr": settings.lr,
        "weight_decay": settings.weight_decay,
        "fused": cuda,
    }
    if settings.optimizer == "adam":
        return torch.optim.Adam(groups, **about)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, **about)
    if settings.optimizer in ("sgd", "sam"):
        return torch.optim.SGD(groups, momentum=settings.momentum, **about)
    raise TrainingError(f"optimizer is adam, adamw, sgd or sam, not {settings.optimizer!r}")


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def learning_rate(settings: TrainSpec, step: int, total: int) -> float:
    """The rate at ``step`` (from 0) of ``total``; the schedules are those of ``Recipe``.

    The floor holds back a fall; it does not raise an ``lr`` that was asked for below it. Raises
    TrainingError for a schedule of another name.
    """
    factor = 1.0
    if settings.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * step / total))
    elif settings.schedule == "step":
        every = settings.decay_steps or max(total // settings.epochs, 1)
        factor = settings.decay ** (step // every)
    elif settings.schedule == "linear":
        factor = min((total - step) / max(settings.decay * total, 1), 1.0)
    elif settings.schedule == "inverse":
        factor = 1 / (1 + settings.decay * step)
    elif settings.schedule != "constant":
        raise TrainingError(
            "schedule is constant, cosine, step, linear or inverse, not " + repr(settings.schedule)
        )
    return max(settings.lr * factor, min(settings.lr_floor, settings.lr))


class Uphill:
    """The weights moved to where the loss is worst nearby, by the gradients that lie on them.

    Sharpness-aware minimisation takes its gradients there. Foret et al., "Sharpness-Aware
    Minimization for Efficiently Improving Generalization", ICLR 2021, equation 2.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        found = [(p, p.grad) for p in parameters if p.grad is not None]
        self.before = [(p, p.detach().clone()) for p, _ in found]
        norm = torch.stack([grad.norm() for _, grad in found]).norm().clamp(min=1e-12)
        with torch.no_grad():
            for parameter, grad in found:
                parameter.add_(grad * (SHARPNESS_RADIUS / norm).to(grad.dtype))

    def back(self) -> None:
        """Undo the move; the gradients that lie on the weights now stay.

        To the bit, and from anywhere: half precision begins with gradients that are infinite,
        and subtracting the step again would leave weights that are no numbers.
        """
        with torch.no_grad():
            for parameter, value in self.before:
                parameter.copy_(value)
