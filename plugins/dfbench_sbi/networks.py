"""A timm network trained on self-blended images (Shiohara & Yamasaki, CVPR 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import timm
from numpy.typing import NDArray
from torch import Tensor, nn

from dfbench import Augmentation, DataError, InitialState, Jitter, Stage, check_classes_order
from dfbench_sbi.blending import SelfBlending
from dfbench_sbi.checkpoints import read_checkpoint

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]

MARGIN_TEST = 0.125  # of the face's width and height, on each side
MARGIN_TRAINING = (0.04, 0.20)


class SelfBlended(nn.Module):
    """Normalised frames [B, 3, 1, size, size] -> logits [B], positive = fake.

    model: name of a convolutional network of timm; the paper settles on EfficientNet-B4 and
    compares ResNets and Xception with it. landmarks: 5 or 68 points a face. classes: the order of
    a checkpoint's two-class head; the authors' is ``real-fake``. Raises ValueError for other
    values, and for clips of several frames.
    """

    def __init__(
        self,
        model: str = "efficientnet_b4",
        size: int = 380,
        landmarks: int = 5,
        classes: str = "real-fake",
    ) -> None:
        super().__init__()
        if landmarks not in (5, 68):
            raise ValueError(f"landmarks are 5 or 68, not {landmarks}")
        if size < 32:
            raise ValueError(f"size is the side of the input in pixels, 32 or more, not {size}")
        if not timm.is_model(model):
            raise ValueError(f"model is a network of timm such as efficientnet_b4, not {model!r}")
        self.model, self.landmarks = model, landmarks
        self.classes = check_classes_order(classes)
        self.trunk = timm.create_model(model, pretrained=False, num_classes=1)
        self.head = self._find_head()

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[2] != 1:
            raise ValueError(f"sbi takes single frames, not clips of {clips.shape[2]}")
        logits: Tensor = self.trunk(clips[:, :, 0])
        return logits[:, 0]

    def _find_head(self) -> str:
        """The classifier's name within the trunk. Raises ValueError where a network is not made of
        modules that follow one another, and so has no stages."""
        last = self.trunk.get_classifier()
        names = [name for name, module in self.trunk.named_modules() if module is last]
        loose = any(True for _ in self.trunk.parameters(recurse=False))
        if loose or not names or not isinstance(last, nn.Linear) or "." in names[0]:
            raise ValueError(f"model is a convolutional network of timm, which {self.model} is not")
        return str(names[0])

    def stages(self) -> list[Stage]:
        """Each large part of the trunk by its name, single layers between them together."""
        found: list[Stage] = []
        single = False
        for name, part in _parts(self.trunk):
            if name == self.head:
                continue
            layers = [m for m in part.modules() if isinstance(m, nn.Conv2d)]
            if found and (not layers or (len(layers) == 1 and single)):
                found[-1][1].append(part)
            else:
                found.append((name, [part]))
            single = len(layers) <= 1
        return [*found, ("head", [self.trunk.get_submodule(self.head)])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        return read_checkpoint(tensors, self.trunk, self.model, self.head, self.classes)

    def training_clips(
        self, frames: Frames, boxes: Floats, landmarks: Floats, label: int, rng: np.random.Generator
    ) -> Frames:
        """Frames uint8 [T, S, S, 3] of a real clip as training shows them: the target of a
        self-blended image (label 0), or that image (label 1).

        boxes [T, 4], landmarks [T, K, 2] in pixels of the frames. Raises DataError when K is not
        what the detector was asked to use.
        """
        if landmarks.shape[-2] != self.landmarks:
            raise DataError(
                f"sbi was asked to use {self.landmarks} landmarks a face, but there are "
                f"{landmarks.shape[-2]}: say sbi:landmarks={landmarks.shape[-2]}, or choose "
                f"--faces that give {self.landmarks}"
            )
        drawn = SelfBlending.draw(rng)
        faces = zip(frames, boxes.astype(np.float64), landmarks, strict=True)
        pairs = [drawn.pair(frame, box, points) for frame, box, points in faces]
        return np.stack([pair[1 if label else 0] for pair in pairs])

    def regions(
        self, boxes: Floats, landmarks: Floats, rng: np.random.Generator | None
    ) -> NDArray[np.float64]:
        """The face's box, wider on every side by an eighth of itself, or in training by anything
        from 4 to 20 %: [1, 4]. The median over the clip decides (paper, section 4.1)."""
        del landmarks
        box = np.median(boxes, axis=0).astype(np.float64)
        size = np.tile(box[2:] - box[:2], 2)
        margins = MARGIN_TEST if rng is None else rng.uniform(*MARGIN_TRAINING, 4)
        return (box + np.array([-1, -1, 1, 1]) * size * margins)[None]

    def augment(self, rng: np.random.Generator) -> Augmentation:
        """What real and blended images go through alike: a flip, other colours, JPEG."""
        return Augmentation(
            Jitter(flip=bool(rng.integers(2))),
            brightness=float(rng.uniform(0.8, 1.2)),
            contrast=float(rng.uniform(0.8, 1.2)),
            saturation=float(rng.uniform(0.8, 1.2)),
            hue=float(rng.uniform(-10, 10)),
            jpeg=int(rng.integers(40, 101)) if rng.random() < 0.5 else 0,
        )


def _parts(trunk: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Children that hold parameters, from the input upwards; a list of blocks one by one."""
    for name, child in trunk.named_children():
        if name in ("blocks", "stages"):
            yield from ((f"{name}.{number}", part) for number, part in child.named_children())
        elif any(True for _ in child.parameters()):
            yield name, child
