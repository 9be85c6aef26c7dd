"""A recurrent network over a CNN's features of consecutive frames (Güera & Delp, AVSS 2018).

InceptionV3 without its classifier gives 2048 features a frame; an LSTM reads them in order, and
its last state goes through a dense layer of 512 with dropout (paper, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from dfbench import InitialState, Stage, unwrapped

# What a trunk's ImageNet checkpoint holds beyond the trunk: its classifier and, in Inception's,
# the auxiliary one that only its own training used.
_EXTRAS = {"inception_v3": ("fc.", "AuxLogits."), "resnet18": ("fc.",), "small": ()}
_SMALLEST = {"inception_v3": 75, "resnet18": 32, "small": 32}  # pixels that leave some to pool
_RESNET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class CnnLstm(nn.Module):
    """Normalised clips [B, 3, T, S, S] -> logits [B].

    frames: T, from 2; the paper's are 20, 40 and 80. size: S in pixels; the paper's is 299.
    trunk: ``inception_v3``, the paper's, ``resnet18``, or ``small``, four convolutions for a quick
    look on a CPU. hidden: width of the LSTM. Raises ValueError for other values, and in
    ``forward`` for clips of another length.
    """

    def __init__(
        self, frames: int = 20, size: int = 299, trunk: str = "inception_v3", hidden: int = 2048
    ) -> None:
        super().__init__()
        if trunk not in _EXTRAS:
            raise ValueError(f"trunk is {', '.join(_EXTRAS)}, not {trunk!r}")
        if frames < 2:
            raise ValueError(f"frames is 2 or more, not {frames}")
        if size < _SMALLEST[trunk]:
            raise ValueError(f"size is {_SMALLEST[trunk]} or more for {trunk}, not {size}")
        if hidden < 1:
            raise ValueError(f"hidden is 1 or more, not {hidden}")
        self.frames, self.kind = frames, trunk
        self.trunk, features = _trunk(trunk)
        self.lstm = _lstm(features, hidden)
        self.head = nn.Sequential(
            nn.Linear(hidden, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 1)
        )

    def forward(self, clips: Tensor) -> Tensor:
        batch, _, frames = clips.shape[:3]
        if frames != self.frames:
            raise ValueError(f"cnn_lstm takes clips of {self.frames} frames, not {frames}")
        features = self.trunk(clips.transpose(1, 2).flatten(0, 1))
        states, _ = self.lstm(features.view(batch, frames, -1))
        logits: Tensor = self.head(states[:, -1])[:, 0]
        return logits

    def stages(self) -> list[Stage]:
        return [("trunk", [self.trunk]), ("lstm", [self.lstm]), ("head", [self.head])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """An ImageNet checkpoint of the trunk by torchvision, or this network's own state."""
        given = unwrapped(tensors)
        if any(name.startswith("trunk.") for name in given):
            return InitialState(given)
        extras = _EXTRAS[self.kind]
        state = {f"trunk.{k}": v for k, v in given.items() if not k.startswith(extras)}
        fresh = tuple(k for k in self.state_dict() if not k.startswith("trunk."))
        mean, std = _RESNET if self.kind == "resnet18" else (None, None)
        return InitialState(state, fresh=fresh, mean=mean, std=std)


def _trunk(name: str) -> tuple[nn.Module, int]:
    """A network without its classifier, torchvision's unless small, and how many features it
    gives a frame."""
    if name == "small":
        widths = (3, 16, 32, 64, 64)
        layers = [_halved(*pair) for pair in pairwise(widths)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten()), widths[-1] * 16
    network = (
        # The checkpoint's own normalisation is to -1..1, which the card's mean and std do.
        torchvision.models.inception_v3(
            weights=None, aux_logits=False, transform_input=False, init_weights=True
        )
        if name == "inception_v3"
        else torchvision.models.resnet18(weights=None)
    )
    features = int(network.fc.in_features)
    network.fc = nn.Identity()
    return network, features


def _halved(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _lstm(features: int, hidden: int) -> nn.LSTM:
    """An LSTM that starts as Keras' does, which the paper used: Glorot and orthogonal matrices, and
    a forget gate of bias 1, so that it keeps early frames before it has learned anything."""
    lstm = nn.LSTM(features, hidden, batch_first=True)
    weights = dict(lstm.named_parameters())
    nn.init.xavier_uniform_(weights["weight_ih_l0"])
    for gate in torch.split(weights["weight_hh_l0"].data, hidden):
        nn.init.orthogonal_(gate)
    for name in ("bias_ih_l0", "bias_hh_l0"):
        nn.init.zeros_(weights[name])
    nn.init.ones_(weights["bias_ih_l0"].data[hidden : 2 * hidden])  # input, forget, cell, output
    return lstm
