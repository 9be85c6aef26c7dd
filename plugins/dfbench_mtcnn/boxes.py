"""Geometry of the cascade: cutting and reducing, moving boxes, dropping doubles.

Boxes are [N, 4], x0, y0, x1, y1, in pixels, counted from 1 as in the paper's MATLAB code.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Sums:
    """Pictures as sums over all that lies above and left (summed-area tables), so that any
    rectangle of any of them is brought to any size by four look-ups a pixel: each new pixel is
    the mean of those it covers, as in ``torch.nn.functional.interpolate(mode="area")``.

    The sums are int32 and may overflow; differences over up to 8 million pixels stay exact.
    """

    def __init__(self, images: Tensor) -> None:
        """images: uint8 [N, H, W, 3], on the device that does the work."""
        self.count, self.height, self.width, _ = images.shape
        rows = images.cumsum(1, dtype=torch.int32)
        self._table = torch.nn.functional.pad(rows.cumsum(2, dtype=torch.int32), (0, 0, 1, 0, 1, 0))

    def whole(self, height: int, width: int) -> Tensor:
        """Every picture, as float [N, 3, height, width] in -1..1."""
        top, bottom = _bins(torch.zeros(1), torch.tensor([self.height]), height)
        left, right = _bins(torch.zeros(1), torch.tensor([self.width]), width)
        area = (bottom - top)[0][:, None] * (right - left)[0][None, :]
        top, bottom, left, right, area = (
            part.to(self._table.device) for part in (top[0], bottom[0], left[0], right[0], area)
        )
        rows = self._table[:, bottom] - self._table[:, top]
        return _centred(rows[:, :, right] - rows[:, :, left], area[..., None])

    def parts(self, boxes: Tensor, which: Tensor, side: int) -> Tensor:
        """What lies in ``boxes`` [B, 4] (whole pixels, inside the picture, not empty) of the
        pictures ``which`` [B], as float [B, 3, side, side] in -1..1."""
        left, right = _bins(boxes[:, 0] - 1, boxes[:, 2], side)
        top, bottom = _bins(boxes[:, 1] - 1, boxes[:, 3], side)
        area = (bottom - top)[:, :, None] * (right - left)[:, None, :]
        n = which[:, None, None]
        top, bottom = top[:, :, None], bottom[:, :, None]
        left, right = left[:, None, :], right[:, None, :]
        at = self._table
        sums = at[n, bottom, right] - at[n, top, right] - at[n, bottom, left] + at[n, top, left]
        return _centred(sums, area[..., None])

    def inside(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """``boxes`` in whole pixels, cut at the picture's edges, and which are not empty then."""
        low = boxes[:, :2].trunc().clamp(min=1)
        high = torch.minimum(boxes[:, 2:].trunc(), boxes.new_tensor([self.width, self.height]))
        return torch.cat([low, high], 1).long(), (high >= low).all(1)


def _bins(begin: Tensor, end: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Where each of ``count`` new pixels begins and ends in begin..end [B]: long [B, count]."""
    begin, length = begin.long()[:, None], (end - begin).long()[:, None]
    steps = torch.arange(count, device=begin.device)[None]
    first = begin + steps * length // count
    return first, begin + -(-(steps + 1) * length // count)


def _centred(sums: Tensor, area: Tensor) -> Tensor:
    return ((sums / area - 127.5) / 128).movedim(-1, 1)


def move(boxes: Tensor, offsets: Tensor, extra: int = 1) -> Tensor:
    """Boxes shifted by a network's ``offsets`` [N, 4], which are shares of their sides."""
    sides = (boxes[:, 2:] - boxes[:, :2] + extra).repeat(1, 2)
    return boxes + offsets * sides


def squared(boxes: Tensor) -> Tensor:
    """Boxes grown to squares around their centres."""
    sides = boxes[:, 2:] - boxes[:, :2]
    side = sides.amax(1, keepdim=True)
    corner = boxes[:, :2] + sides / 2 - side / 2
    return torch.cat([corner, corner + side], 1)


def without_nested(boxes: Tensor, scores: Tensor, most: float) -> list[int]:
    """Non-maximum suppression that compares the overlap with the smaller of both boxes, so that
    a box inside another one goes, too. Indices of those kept, the surest first."""
    order = scores.argsort(descending=True, stable=True)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    areas = sides[:, 0] * sides[:, 1]
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = (high - low + 1).clamp(min=0).prod(2)
    overlap = (both / torch.minimum(areas[:, None], areas[None])).tolist()
    kept: list[int] = []
    for i in order.tolist():
        if all(overlap[i][j] <= most for j in kept):
            kept.append(i)
    return kept
