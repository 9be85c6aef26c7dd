"""EfficientNet trained on self-blended images (Shiohara & Yamasaki, CVPR 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import timm
from numpy.typing import NDArray
from timm.models import EfficientNet
from torch import Tensor, nn

from dfbench.augment import Augmentation
from dfbench.clips import Jitter
from dfbench.detector import InitialState, Stage, check_classes_order
from dfbench.errors import DataError
from dfbench_sbi.blending import SelfBlending
from dfbench_sbi.checkpoints import read_checkpoint

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]

MARGIN_TEST = 0.125  # of the face's width and height, on each side
MARGIN_TRAINING = (0.04, 0.20)


class SelfBlended(nn.Module):
    """Normalised frames [B, 3, 1, size, size] -> logits [B], positive = fake.

    model: name of a timm EfficientNet. landmarks: 5 or 68 points a face. classes: the order of a
    checkpoint's two-class head; the authors' is ``real-fake``. Raises ValueError for other values,
    and for clips of several frames.
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
        if not timm.is_model(model) or "efficientnet" not in model:
            raise ValueError(f"model is a timm EfficientNet such as efficientnet_b4, not {model!r}")
        trunk = timm.create_model(model, pretrained=False, num_classes=1)
        if not isinstance(trunk, EfficientNet):
            raise ValueError(f"model is a timm EfficientNet such as efficientnet_b4, not {model!r}")
        self.model, self.landmarks = model, landmarks
        self.classes = check_classes_order(classes)
        self.trunk = trunk

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[2] != 1:
            raise ValueError(f"sbi takes single frames, not clips of {clips.shape[2]}")
        logits: Tensor = self.trunk(clips[:, :, 0])
        return logits[:, 0]

    def stages(self) -> list[Stage]:
        t = self.trunk
        blocks = [(f"blocks{i}", [block]) for i, block in enumerate(t.blocks, 1)]
        top = ("top", [t.conv_head, t.bn2])
        return [("stem", [t.conv_stem, t.bn1]), *blocks, top, ("head", [t.classifier])]

    def convert(self, tensors: Mapping[str, Any]) -> InitialState:
        lengths = [len(block) for block in self.trunk.blocks]
        return read_checkpoint(tensors, self.model, lengths, self.classes)

    def training_clips(
        self,
        frames: Frames,
        boxes: Floats,
        landmarks: Floats,
        label: int,
        rng: np.random.Generator,
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
