"""Deng et al., "RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild", CVPR 2020, as
``retinaface-pytorch`` builds it, in batches."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import batched_nms

from dfbench import Faces, WeightsError
from dfbench_retinaface.checkpoint import load

SIDE = 960  # the package's own; a face of 40 pixels in a 1080p picture is then one of 20
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
_ANCHORS, _STRIDES = [[16, 32], [64, 128], [256, 512]], [8, 16, 32]
_VARIANCE = [0.1, 0.2]
_SURE, _OVERLAP = 0.7, 0.4  # the package's thresholds: P(face), and intersection over union
_TYPES = {"bf16": torch.bfloat16, "16": torch.float16}


class RetinaFace:
    """Faces with boxes, five landmarks and scores, the surest first.

    A picture is brought to ``side`` pixels on its longer side, reduced or enlarged, and put in the
    middle of a square, as the package does. On a GPU the network runs in bfloat16, unless
    ``precision`` says otherwise; boxes are always computed with 32 bits.
    """

    def __init__(
        self,
        weights: Path | None,
        device: str | None = None,
        side: int = SIDE,
        precision: str | None = None,
        threshold: float = _SURE,
    ) -> None:
        """``precision``: ``32``, ``bf16`` or ``16``; ``threshold``: P(face) that a face exceeds.
        Raises WeightsError naming the file of weights when it is missing or another network's,
        PluginError when the package is not installed."""
        if weights is None:
            raise WeightsError("retinaface needs its file of weights")
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        on_gpu = self.device.type == "cuda"
        self._kind = _TYPES.get(precision or ("bf16" if on_gpu else "32"))
        self._side, self._threshold = side, threshold
        self.batch_size = 16 if on_gpu else 1  # pictures the network sees at once
        self._network = load(weights).to(self.device).to(memory_format=torch.channels_last)
        self._anchors = _anchors(side).to(self.device)
        self._mean = 255 * torch.tensor(_MEAN, device=self.device)
        self._std = 255 * torch.tensor(_STD, device=self.device)

    def detect(self, images: NDArray[np.uint8]) -> list[Faces]:
        """Faces in each of ``images`` uint8 [N, H, W, 3] RGB."""
        found: list[Faces] = []
        with torch.inference_mode():
            for begin in range(0, len(images), self.batch_size):
                found += self._batch(images[begin : begin + self.batch_size])
        return found

    def _batch(self, images: NDArray[np.uint8]) -> list[Faces]:
        height, width = images.shape[1:3]
        scale = self._side / max(height, width)
        small = [_resized(image, scale, self._side) for image in images]
        squares, corner = self._squares(np.stack(small))
        boxes, marks, scores, which = self._find(squares)
        shift = torch.tensor(corner, dtype=torch.float32)
        boxes = (boxes - shift.repeat(2)) / scale
        marks = (marks - shift) / scale
        size = torch.tensor([width, height], dtype=torch.float32)
        inside = ((boxes[:, :2] < size) & (boxes[:, 2:] > 0)).all(1)
        inside &= boxes.isfinite().all(1) & marks.isfinite().flatten(1).all(1)
        faces = []
        for number in range(len(images)):
            mine = inside & (which == number)
            faces.append(Faces(boxes[mine].numpy(), marks[mine].numpy(), scores[mine].numpy()))
        return faces

    def _squares(self, images: NDArray[np.uint8]) -> tuple[Tensor, tuple[int, int]]:
        """Normalised, in the middle of squares: float [N, 3, side, side]; and where (x, y) the
        pictures begin in them."""
        height, width = images.shape[1:3]
        left, top = (self._side - width) // 2, (self._side - height) // 2
        squares = torch.zeros((len(images), self._side, self._side, 3), device=self.device)
        pixels = torch.from_numpy(images).to(self.device, non_blocking=True)
        squares[:, top : top + height, left : left + width] = (pixels - self._mean) / self._std
        return squares.permute(0, 3, 1, 2), (left, top)

    def _find(self, squares: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """On the CPU, the surest first: boxes [B, 4] and landmarks [B, 5, 2] in pixels of the
        squares, scores [B], numbers of the pictures [B]."""
        from retinaface.box_utils import decode, decode_landm

        kind = self._kind
        with torch.autocast(self.device.type, dtype=kind) if kind else nullcontext():
            offsets, classes, moves = self._network(squares)
        chances = classes.float().softmax(-1)[..., 1]
        which, anchor = (chances > self._threshold).nonzero(as_tuple=True)
        scores, anchors = chances[which, anchor], self._anchors[anchor]
        boxes = decode(offsets[which, anchor].float(), anchors, _VARIANCE) * self._side
        marks = decode_landm(moves[which, anchor].float(), anchors, _VARIANCE) * self._side
        kept = batched_nms(boxes, scores, which, _OVERLAP)  # in the order of the scores
        marks = marks.view(-1, 5, 2)
        return boxes[kept].cpu(), marks[kept].cpu(), scores[kept].cpu(), which[kept].cpu()


def _resized(image: NDArray[np.uint8], scale: float, side: int) -> NDArray[np.uint8]:
    """``image`` with its longer side at ``side``; linear, as in the package."""
    height, width = image.shape[:2]
    size = _whole(width * scale, side), _whole(height * scale, side)
    if size == (width, height):
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _whole(length: float, most: int) -> int:
    return min(max(round(length), 1), most)


def _anchors(side: int) -> Tensor:
    """The package's anchors float [P, 4] of a square: centre and size, as shares of its side."""
    from retinaface.prior_box import priorbox

    anchors: Tensor = priorbox(_ANCHORS, _STRIDES, clip=False, image_size=(side, side))
    return anchors
