"""A linear layer on CLIP's frozen image features (Ojha et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn

from dfbench import InitialState, Stage, check_classes_order, unwrapped
from dfbench_timm.networks import single_frames

# OpenAI's names -> timm's, applied in this order to what follows ``visual.``.
_NAMES = (
    ("transformer.resblocks.", "blocks."),
    ("ln_pre.", "norm_pre."),
    ("ln_post.", "norm."),
    ("ln_", "norm"),
    ("attn.in_proj_", "attn.qkv."),
    ("attn.out_proj.", "attn.proj."),
    ("mlp.c_fc.", "mlp.fc1."),
    ("mlp.c_proj.", "mlp.fc2."),
)


class ClipLinear(nn.Module):
    """Normalised clips [B, 3, 1, S, S] -> logits [B]: a tower's embedding, then a linear layer.

    tower: a vision transformer of timm. CLIP's is the one with QuickGELU, the activation it was
    trained with, and ends in the projection to 768, whose output the linear layer takes. size: S,
    a multiple of the tower's patch. classes: order of a checkpoint's two-class head. Raises
    ValueError for a tower that timm does not have or that cannot take ``size``.
    """

    def __init__(
        self,
        size: int = 224,
        tower: str = "vit_large_patch14_clip_quickgelu_224.openai",
        classes: str = "unknown",
    ) -> None:
        super().__init__()
        self.classes = check_classes_order(classes)
        try:
            self.tower = timm.create_model(tower, img_size=size)
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"tower {tower!r} is no vision transformer of timm") from error
        patch = self.tower.patch_embed.patch_size[0]
        if size < patch or size % patch:
            raise ValueError(f"size is a multiple of the tower's patch, {patch} px, not {size}")
        self.head = nn.Linear(self.tower.num_classes, 1)

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.head(self.tower(single_frames(clips, "ClipLinear")))
        return logits[:, 0]

    def stages(self) -> list[Stage]:
        return [("tower", [self.tower]), ("head", [self.head])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        """CLIP by OpenAI's names (its text tower is left out), the tower by timm's, or both parts
        as this network calls them; only the last fills the head."""
        state = unwrapped(tensors)
        if any(name.startswith("tower.") for name in state):
            return InitialState(state, head="head", classes=self.classes)
        if "visual.class_embedding" in state:
            state = timm_names(state)
        named = {f"tower.{name}": tensor for name, tensor in state.items()}
        return InitialState(named, fresh=("head.weight", "head.bias"))


def timm_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The image tower (``visual.``) of an OpenAI CLIP state dict by timm's names."""
    state = {}
    for name, tensor in tensors.items():
        if not name.startswith("visual."):
            continue
        name, tensor = name.removeprefix("visual."), tensor.float()
        for old, new in _NAMES:
            name = name.replace(old, new)
        if name == "proj":  # a matrix from the right, without a bias
            state["head.weight"] = tensor.T.contiguous()
            state["head.bias"] = torch.zeros(tensor.shape[1])
        elif name == "class_embedding":
            state["cls_token"] = tensor[None, None]
        elif name == "positional_embedding":
            state["pos_embed"] = tensor[None]
        else:
            state["patch_embed.proj.weight" if name == "conv1.weight" else name] = tensor
    return state
