"""How weights move: the optimiser a recipe asks for, and its learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from dfbench.detector import Detector
from dfbench.errors import TrainingError
from dfbench.spec import TrainSpec

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
    """The rate at ``step`` (from 0) of ``total``; the schedules are those of ``cards.Recipe``."""
    factor = 1.0
    if settings.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * step / total))
    elif settings.schedule == "step":
        every = settings.decay_steps or max(total // settings.epochs, 1)
        factor = settings.decay ** (step // every)
    elif settings.schedule == "linear":
        factor = min((total - step) / (settings.decay * total), 1.0)
    elif settings.schedule == "inverse":
        factor = 1 / (1 + settings.decay * step)
    return max(settings.lr * factor, settings.lr_floor)


class Uphill:
    """The weights moved to where the loss is worst nearby, by the gradients that lie on them.

    Sharpness-aware minimisation takes its gradients there. Foret et al., "Sharpness-Aware
    Minimization for Efficiently Improving Generalization", ICLR 2021, equation 2.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.moved = [(p, p.grad) for p in parameters if p.grad is not None]
        norm = torch.stack([grad.norm() for _, grad in self.moved]).norm().clamp(min=1e-12)
        self.factor = SHARPNESS_RADIUS / norm
        self._move(self.factor)

    def back(self) -> None:
        """Undo the move; the gradients that lie on the weights now stay."""
        self._move(-self.factor)

    def _move(self, factor: torch.Tensor) -> None:
        with torch.no_grad():
            for parameter, grad in self.moved:
                parameter.add_(grad * factor.to(grad.dtype))
