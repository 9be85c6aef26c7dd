"""Meso-4 and MesoInception-4 (Afchar et al., WIFS 2018), one logit, positive = fake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dfbench import Augmentation, InitialState, Jitter, Stage
from dfbench_mesonet.keras import ordered_layers, to_torch


class _MesoNet(nn.Module):
    """Four blocks that shrink 256x256 to 8x8x16, and two dense layers (paper, section III)."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(1024, 16),
            nn.LeakyReLU(0.1),
            nn.Dropout(0.5),
            nn.Linear(16, 1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, clips: Tensor) -> Tensor:
        """clips [B, 3, 1, 256, 256] in 0..1 -> logits [B]."""
        if clips.shape[2] != 1:
            raise ValueError(f"MesoNet takes single frames, not clips of {clips.shape[2]}")
        maps = self.blocks(clips[:, :, 0])
        # Keras flattens height, width, channel; the official dense weights count on it.
        flat = maps.permute(0, 2, 3, 1).flatten(1)
        logits: Tensor = self.head(flat)[:, 0]
        return logits

    def loss(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Weighted mean squared error of P(fake) [B] against labels [B], as in the authors' code;
        whether the sigmoid stands for real or fake makes no difference to it."""
        return (weights * (torch.sigmoid(logits) - labels) ** 2).mean()

    def augment(self, rng: np.random.Generator) -> Augmentation:
        """Slight zoom, rotation, horizontal flip, brightness and hue (paper, section IV-B, which
        gives no ranges: these are ours)."""
        jitter = Jitter(
            scale=float(rng.uniform(0.9, 1.1)),
            flip=bool(rng.integers(2)),
            rotation=float(rng.uniform(-10, 10)),
        )
        brightness, hue = float(rng.uniform(0.8, 1.2)), float(rng.uniform(-10, 10))
        return Augmentation(jitter, brightness=brightness, hue=hue)

    def stages(self) -> list[Stage]:
        named = [(f"block{i}", [block]) for i, block in enumerate(self.blocks, start=1)]
        return [*named, ("head", [self.head])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """The authors' Keras file, or a plain state dict of this network."""
        if not any(name.endswith("kernel:0") for name in tensors):
            return InitialState(tensors)
        state: dict[str, Tensor] = {}
        layers = [
            (name, module)
            for name, module in self.named_modules()
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
        ]
        for (name, _), values in zip(
            layers, ordered_layers(tensors, [module for _, module in layers]), strict=True
        ):
            state.update({f"{name}.{key}": value for key, value in to_torch(values).items()})
        # The authors' sigmoid is P(real); P(fake) = 1 - P(real) turns the sign of the logit.
        for key in ("head.4.weight", "head.4.bias"):
            state[key] = -state[key]
        return InitialState(state)


class Meso4(_MesoNet):
    """Four plain convolutions; 27,977 trainable parameters."""

    def __init__(self) -> None:
        super().__init__(
            _block(3, 8, 3, 2), _block(8, 8, 5, 2), _block(8, 16, 5, 2), _block(16, 16, 5, 4)
        )


class MesoInception4(_MesoNet):
    """The first two convolutions replaced by inception blocks; 28,615 trainable parameters."""

    def __init__(self) -> None:
        super().__init__(
            _Inception(3, (1, 4, 4, 2)),
            _Inception(11, (2, 4, 4, 2)),
            _block(12, 16, 5, 2),
            _block(16, 16, 5, 4),
        )


def _convolution(inputs: int, outputs: int, size: int, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (size // 2)
    convolution = nn.Conv2d(inputs, outputs, size, padding=padding, dilation=dilation)
    return nn.Sequential(convolution, nn.ReLU())


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # Keras' defaults


def _block(inputs: int, outputs: int, size: int, pool: int) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(inputs, outputs, size), _batch_norm(outputs), nn.MaxPool2d(pool)
    )


class _Inception(nn.Module):
    """Four branches side by side: 1x1, and 1x1 then 3x3 with dilation 1, 2, 3 (paper, fig. 5)."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, *rest = widths
        self.branches = nn.ModuleList([_convolution(inputs, first, 1)])
        for dilation, width in enumerate(rest, start=1):
            self.branches.append(
                nn.Sequential(
                    *_convolution(inputs, width, 1), *_convolution(width, width, 3, dilation)
                )
            )
        self.norm = _batch_norm(sum(widths))
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Tensor) -> Tensor:
        joined = torch.cat([branch(images) for branch in self.branches], dim=1)
        pooled: Tensor = self.pool(self.norm(joined))
        return pooled
