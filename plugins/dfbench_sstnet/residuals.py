"""Filters that take the picture away and leave its noise: learned (Bayar) or fixed (SRM)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SIDE = 5
# Three of the spatial rich model's 30 kernels (Fridrich & Kodovsky, TIFS 2012), those that
# Zhou et al., "Learning Rich Features for Image Manipulation Detection", CVPR 2018, figure 3 use.
_SRM = (
    ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0)),
    (
        (-1, 2, -2, 2, -1),
        (2, -6, 8, -6, 2),
        (-2, 8, -12, 8, -2),
        (2, -6, 8, -6, 2),
        (-1, 2, -2, 2, -1),
    ),
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
)
_SRM_SCALES = (4, 12, 2)


class _Residual(nn.Module):
    """Images [N, 3, H, W] -> three residual maps [N, 3, H, W] by 5x5 kernels that sum to zero.

    The border is repeated, so a constant image gives zero everywhere.
    """

    def kernels(self) -> Tensor:
        """[3 maps, 3 colours, 5, 5]"""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        half = _SIDE // 2
        # In bfloat16 the rounding of the kernels would leak more of the picture than noise.
        with torch.autocast(images.device.type, enabled=False):
            padded = functional.pad(images.float(), (half, half, half, half), mode="replicate")
            return functional.conv2d(padded, self.kernels().float())


class BayarFilters(_Residual):
    """Learned kernels, each with -1 at the centre and a rest that sums to 1.

    Bayar & Stamm, "Constrained Convolutional Neural Networks", TIFS 2018: the network
    predicts a pixel from its neighbours and looks at the error. They restore the constraint after
    each step by dividing the rest by its sum, which explodes where that is near zero; here
    ``weight`` is free and the nearest kernels that obey the constraint are used, so it holds at
    any time and for any optimiser.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(3, 3, _SIDE, _SIDE))
        nn.init.normal_(self.weight, std=0.1)
        centre = torch.zeros(_SIDE, _SIDE)
        centre[_SIDE // 2, _SIDE // 2] = 1
        self.register_buffer("centre", centre, persistent=False)

    centre: Tensor

    def kernels(self) -> Tensor:
        others = 1 - self.centre
        rest = self.weight * others
        lacking = (1 - rest.sum(dim=(2, 3), keepdim=True)) / (_SIDE * _SIDE - 1)
        return rest + lacking * others - self.centre


class SrmFilters(_Residual):
    """The three fixed kernels of the spatial rich model, each over all three colours."""

    def __init__(self) -> None:
        super().__init__()
        kernels = torch.tensor(_SRM, dtype=torch.float32)
        kernels = kernels / torch.tensor(_SRM_SCALES).view(3, 1, 1)
        self.register_buffer("fixed", kernels[:, None].repeat(1, 3, 1, 1), persistent=False)

    fixed: Tensor

    def kernels(self) -> Tensor:
        return self.fixed


RESIDUALS = {"bayar": BayarFilters, "srm": SrmFilters}
