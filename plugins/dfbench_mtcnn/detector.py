"""Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
Networks", IEEE Signal Processing Letters 23 (2016), section II."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import batched_nms

from dfbench import Faces, WeightsError, read_tensors
from dfbench_mtcnn.boxes import Sums, move, squared, without_nested
from dfbench_mtcnn.networks import ONet, PNet, RNet

_SMALLEST = 20  # side of the smallest face, pixels
_STEP = 0.709  # from one size of the picture to the next, about half the area
_CELL, _STRIDE = 12, 2  # what P-Net sees, and how far apart its answers lie
_LEAST = (0.6, 0.7, 0.7)  # P(face) that each network asks for
_PIXELS = {"cpu": 1 << 21, "cuda": 1 << 25}  # looked at together; more does not help
_PARTS = 2048  # candidates looked at together

Network = TypeVar("Network", bound=nn.Module)


class MTCNN:
    """Faces of 20 pixels and more with boxes, five landmarks and scores.

    The surest first. On a GPU when there is one, always with 32-bit numbers, so that machines
    agree to within rounding.
    """

    def __init__(self, weights: Path | None, device: str | None = None) -> None:
        """``weights``: the folder with ``pnet.pt``, ``rnet.pt`` and ``onet.pt``. Raises
        WeightsError naming the file that is missing, damaged or another network's."""
        if weights is None:
            raise WeightsError(
                "mtcnn needs the folder of its three files, pnet.pt, rnet.pt, onet.pt"
            )
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_size = 8 if self.device.type == "cuda" else 1
        self._pnet = _read(PNet(), weights / "pnet.pt").to(self.device)
        self._rnet = _read(RNet(), weights / "rnet.pt").to(self.device)
        self._onet = _read(ONet(), weights / "onet.pt").to(self.device)

    def detect(self, images: NDArray[np.uint8]) -> list[Faces]:
        """Faces in each of ``images`` uint8 [N, H, W, 3] RGB."""
        count, height, width, _ = images.shape
        together = max(_PIXELS[self.device.type] // max(height * width, 1), 1)
        found: list[Faces] = []
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            for begin in range(0, count, together):
                batch = torch.from_numpy(np.ascontiguousarray(images[begin : begin + together]))
                found += self._cascade(batch.to(self.device))
        return found

    def _cascade(self, images: Tensor) -> list[Faces]:
        sums = Sums(images)
        boxes, which = self._propose(sums)
        boxes, which = self._refine(sums, boxes, which)
        boxes, marks, scores, which = self._finish(sums, boxes, which)
        faces = []
        for number in range(len(images)):
            rows = (which == number).nonzero()[:, 0]
            kept = rows[without_nested(boxes[rows], scores[rows], 0.7)]
            parts = (part[kept].float().numpy() for part in (boxes, marks, scores))
            faces.append(Faces(*parts))
        return faces

    def _propose(self, sums: Sums) -> tuple[Tensor, Tensor]:
        """Squares [B, 4] that may hold a face, and the pictures [B] they lie in."""
        found = []
        for scale in scales(sums.height, sums.width):
            size = int(sums.height * scale + 1), int(sums.width * scale + 1)
            chances, offsets = self._pnet(sums.whole(*size))
            which, y, x = (chances >= _LEAST[0]).nonzero(as_tuple=True)
            corner = torch.stack([x, y], 1) * _STRIDE + 1
            boxes = torch.cat([corner, corner + _CELL - 1], 1).div(scale).floor()
            scores, moves = chances[which, y, x], offsets[which, :, y, x]
            kept = batched_nms(boxes, scores, which, 0.5)
            found.append((boxes[kept], scores[kept], moves[kept], which[kept]))
        if not found:
            empty = torch.zeros((0, 4), device=self.device)
            return empty, torch.zeros(0, dtype=torch.long, device=self.device)
        boxes, scores, moves, which = (torch.cat(parts) for parts in zip(*found, strict=True))
        kept = batched_nms(boxes, scores, which, 0.7)
        return squared(move(boxes[kept], moves[kept], extra=0)), which[kept]

    def _refine(self, sums: Sums, boxes: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        whole, there = sums.inside(boxes)
        boxes, whole, which = boxes[there], whole[there], which[there]
        parts = [self._rnet(sums.parts(b, n, 24)) for b, n in _split(whole, which)]
        scores, moves = (torch.cat(part) for part in zip(*parts, strict=True))
        sure = scores > _LEAST[1]
        boxes, moves, which, scores = boxes[sure], moves[sure], which[sure], scores[sure]
        kept = batched_nms(boxes, scores, which, 0.7)
        return squared(move(boxes[kept], moves[kept])), which[kept]

    def _finish(
        self, sums: Sums, boxes: Tensor, which: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """On the CPU: boxes [B, 4], landmarks [B, 5, 2], scores [B], numbers of pictures [B]."""
        whole, there = sums.inside(boxes)
        boxes, whole, which = boxes[there], whole[there], which[there]
        parts = [self._onet(sums.parts(b, n, 48)) for b, n in _split(whole, which)]
        scores, moves, marks = (torch.cat(part) for part in zip(*parts, strict=True))
        sure = scores > _LEAST[2]
        boxes, moves, marks = boxes[sure], moves[sure], marks[sure]
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        marks = boxes[:, None, :2] + marks * sides[:, None] - 1
        done = move(boxes, moves), marks, scores[sure], which[sure]
        return done[0].cpu(), done[1].cpu(), done[2].cpu(), done[3].cpu()


def scales(height: int, width: int) -> list[float]:
    """The sizes at which P-Net looks at a picture: from where its window covers the smallest face
    to where it covers the picture."""
    found, scale = [], _CELL / _SMALLEST
    while min(height, width) * scale >= _CELL:
        found.append(scale)
        scale *= _STEP
    return found


def _split(whole: Tensor, which: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(torch.split(whole, _PARTS), torch.split(which, _PARTS), strict=True))


def _read(network: Network, file: Path) -> Network:
    tensors = read_tensors(file)
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        first = " ".join(str(error).split())
        raise WeightsError(f"{file} is not {type(network).__name__} of mtcnn: {first}") from error
    return network.eval()
