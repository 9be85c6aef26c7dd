"""Checkpoints in these networks' terms: torchvision's ImageNet files, and the authors' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dfbench import InitialState, unwrapped

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_IMAGENET_CLASSES = 1000
_FIRST = ("conv1.weight", "features.0.weight")  # of a ResNet, of a VGG


def read_trunk(tensors: Mapping[str, Any], head: str, classes: str) -> InitialState:
    """For ``FaceWarping``: a torchvision state dict, with ImageNet's head or one of two classes,
    or the authors' PyTorch ResNet. ``head``: the classifier's name in torchvision."""
    state = unwrapped(tensors)
    if "resnet.conv1.weight" in state:
        # The authors' class has its own two-class ``fc`` beside torchvision's, which is not used.
        state = {
            key.removeprefix("resnet."): tensor
            for key, tensor in state.items()
            if not key.startswith("resnet.fc.")
        }
    if all(key.startswith("trunk.") for key in state):
        return InitialState(state, head=f"trunk.{head}", classes=classes)
    imagenet = _is_imagenet(state, head)
    state = _turned(state) if imagenet else state
    inside = {f"trunk.{key}": tensor for key, tensor in state.items()}
    return InitialState(
        inside,
        mean=_IMAGENET_MEAN if imagenet else None,
        std=_IMAGENET_STD if imagenet else None,
        head=f"trunk.{head}",
        classes=classes,
    )


def read_pyramid(tensors: Mapping[str, Any], classes: str) -> InitialState:
    """For ``SpatialPyramidFaceWarping``: the authors' ``SPP-res50.pth`` and its like, or
    torchvision's ImageNet ResNet, after which the classifier starts fresh."""
    state = unwrapped(tensors)
    if any(key.startswith("resnet.resnet.") for key in state):
        # ``resnet.fc`` and the 1000-class ``resnet.resnet.fc`` lie in the file and are not used.
        unused = ("resnet.fc.", "resnet.resnet.fc.")
        kept = {k: tensor for k, tensor in state.items() if not k.startswith(unused)}
        inside = {k.replace("resnet.resnet.", "trunk.", 1): v for k, v in kept.items()}
        return InitialState(inside, head="classifier", classes=classes)
    if _is_imagenet(state, "fc"):
        kept = {k: v for k, v in _turned(state).items() if not k.startswith("fc.")}
        return InitialState(
            {f"trunk.{key}": tensor for key, tensor in kept.items()},
            fresh=("classifier.weight", "classifier.bias"),
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
        )
    return InitialState(state, head="classifier", classes=classes)


def _is_imagenet(state: Mapping[str, Tensor], head: str) -> bool:
    weight = state.get(f"{head}.weight")
    return weight is not None and len(weight) == _IMAGENET_CLASSES


def _turned(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """ImageNet's first convolution takes RGB; these networks hand it BGR."""
    return {k: v.flip(1) if k in _FIRST else v for k, v in state.items()}
