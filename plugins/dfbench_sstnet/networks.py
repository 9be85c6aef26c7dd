"""SSTNet (Wu et al., ICASSP 2020), a reconstruction: there is no official code.

From the paper's abstract: a deep network on the pixels, constrained filters for the noise, a
recurrent network over the frames. Chosen here: Xception for both streams, their pooled features
side by side, one LSTM, a linear layer on its last state; and all sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn

from dfbench import InitialState, Stage, unwrapped
from dfbench_sstnet.residuals import RESIDUALS


class SSTNet(nn.Module):
    """Normalised clips [B, 3, T, S, S] -> logits [B], positive = fake.

    frames: T, 2 or more. size: S, 32 px or more. residual: ``bayar`` (learned, constrained) or
    ``srm`` (fixed). trunk: a convolutional network of timm, of which each stream has one.
    hidden: width of the LSTM. Raises ValueError for other values.
    """

    def __init__(
        self,
        frames: int = 8,
        size: int = 299,
        residual: str = "bayar",
        trunk: str = "legacy_xception",
        hidden: int = 512,
    ) -> None:
        super().__init__()
        if frames < 2:
            raise ValueError(f"frames is 2 or more, not {frames}: a single one has no motion")
        if size < 32:
            raise ValueError(f"size is 32 px or more, not {size}")
        if residual not in RESIDUALS:
            raise ValueError(f"residual is bayar or srm, not {residual!r}")
        if hidden < 1:
            raise ValueError(f"hidden is 1 or more, not {hidden}")
        self.frames = frames
        self.residual = RESIDUALS[residual]()
        self.spatial, self.noise = _trunk(trunk), _trunk(trunk)
        self.lstm = nn.LSTM(2 * self.spatial.num_features, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, clips: Tensor) -> Tensor:
        batch, length = clips.shape[0], clips.shape[2]
        if length != self.frames:
            raise ValueError(f"this SSTNet takes clips of {self.frames} frames, not of {length}")
        images = clips.transpose(1, 2).flatten(0, 1)
        features = torch.cat([self.spatial(images), self.noise(self.residual(images))], dim=1)
        states, _ = self.lstm(features.view(batch, length, -1))
        logits: Tensor = self.head(states[:, -1])
        return logits[:, 0]

    def stages(self) -> list[Stage]:
        return [
            ("streams", [self.residual, self.spatial, self.noise]),
            ("lstm", [self.lstm]),
            ("head", [self.head]),
        ]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """This network's own state dict, or an ImageNet file of the trunk by timm's names, which
        then fills both streams; pointwise kernels may lack their axes of length one."""
        state = unwrapped(tensors)
        if any(name.startswith("lstm.") for name in state):
            return InitialState(state, head="head")
        classifier = self.spatial.pretrained_cfg["classifier"]
        both: dict[str, Tensor] = {}
        for name, tensor in state.items():
            if name.startswith((f"{classifier}.", "last_linear.")):
                continue  # ImageNet's classes
            if name.endswith("pointwise.weight") and tensor.ndim == 2:
                tensor = tensor[:, :, None, None]
            both |= {f"spatial.{name}": tensor, f"noise.{name}": tensor}
        streams = ("spatial.", "noise.")
        fresh = tuple(name for name in self.state_dict() if not name.startswith(streams))
        return InitialState(both, fresh=fresh)


def _trunk(name: str) -> Any:
    """timm's network ``name``: images [N, 3, S, S] -> features [N, num_features]."""
    try:
        trunk = timm.create_model(name, num_classes=0)
    except RuntimeError as error:
        raise ValueError(f"trunk {name!r} is no network of timm") from error
    if trunk.pretrained_cfg.get("fixed_input_size"):
        raise ValueError(f"trunk {name!r} takes images of one size alone: choose another")
    return trunk
