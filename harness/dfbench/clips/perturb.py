"""Perturbations that detectors are tested under, each at values from mild to severe.

Names and levels 1..5 are those of DeeperForensics-1.0 (Jiang et al., CVPR 2020, "real-world
perturbations"; the numbers are those of its published code) as far as it defines them: saturation,
contrast, block, noise, blur, resize (called JPEG there) and h264. ``jpeg`` is real JPEG, with
qualities of our own; ``brightness`` has the levels of ImageNet-C (Hendrycks and Dietterich, ICLR
2019). Lengths there are pixels of a picture; here they are for one of 256 pixels and grow and
shrink with the stored crop, so that a small face is not hit harder than a large one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbench.clips import degrade
from dfbench.errors import OptionError

Clip = NDArray[np.uint8]
Apply = Callable[[Clip, float, np.random.Generator], Clip]
_SIDE = 256  # of the picture that kernels and blocks are defined for, pixels


@dataclass(frozen=True)
class Kind:
    """What a perturbation does and takes.

    unit: of its values. standard: five values, mild to severe. low, high: what it takes; clean: the
    value that means nothing, if there is one. whole: values are whole numbers.
    """

    unit: str
    standard: tuple[float, ...]
    low: float
    high: float
    clean: float | None
    apply: Apply
    whole: bool = True

    def severity(self, value: float) -> float:
        """Something that grows from mild to severe."""
        return value if self.standard[0] < self.standard[-1] else -value


@dataclass(frozen=True)
class Perturbation:
    """One perturbation at one value, e.g. ``h264`` at crf 23."""

    name: str
    value: float

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def variant(self) -> str:
        """Its name in specs and folders, ``h264=23``."""
        return f"{self.name}={self.value:g}"

    def apply(self, clip: Clip, seed: int, video: str, number: int) -> Clip:
        """The stored clip uint8 [T, S, S, 3] perturbed, same shape.

        What is random in it is drawn from run seed, video id, clip number and the perturbation's
        name alone: the same in every process and order, and at a higher level more of the same.
        """
        text = "\0".join((str(seed), video, str(number), self.name))
        digest = hashlib.sha256(text.encode()).digest()
        return self.kind.apply(clip, self.value, np.random.default_rng(list(digest)))


def perturbations(asked: Sequence[str]) -> list[Perturbation]:
    """``NAME`` (its five standard values) or ``NAME:value,value…`` -> every perturbation at every
    value once, by name as asked for, mild to severe; values that mean nothing are left out.

    Raises OptionError for an unknown name or a value out of range, naming what there is.
    """
    values: dict[str, set[float]] = {}
    for text in asked:
        name, colon, tail = text.partition(":")
        if name not in KINDS:
            raise OptionError(f"--perturb {text}: perturbations are {', '.join(KINDS)}")
        given = [_value(name, value) for value in tail.split(",")] if colon else ()
        values.setdefault(name, set()).update(given or KINDS[name].standard)
    return [
        Perturbation(name, value)
        for name, all_values in values.items()
        for value in sorted(all_values, key=KINDS[name].severity)
        if value != KINDS[name].clean
    ]


def perturbation(variant: str) -> Perturbation | None:
    """The inverse of ``Perturbation.variant``; None for the clean test. Raises OptionError."""
    found = perturbations([variant.replace("=", ":", 1)]) if variant else []
    return found[0] if found else None


def _value(name: str, text: str) -> float:
    kind = KINDS[name]
    try:
        value: float = float(f"{float(text):.4g}")  # 1/3 as it stands in a folder's name
    except ValueError:
        value = float("nan")
    right = kind.low <= value <= kind.high and (value.is_integer() or not kind.whole)
    if right or value == kind.clean:
        return value
    none = "" if kind.clean is None else f", or {kind.clean:g} for none"
    raise OptionError(
        f"--perturb {name}:{text}: {name} takes a {kind.unit} of {kind.low:g} to {kind.high:g}"
        f"{' (whole numbers)' if kind.whole else ''}{none}; "
        f"{name} alone is {', '.join(f'{v:g}' for v in kind.standard)}"
    )


def _pixels(length: float, clip: Clip) -> float:
    side: int = clip.shape[1]
    return length * side / _SIDE


def _level(at: Callable[[Clip, float, np.random.Generator], Clip], *table: float) -> Kind:
    """A perturbation of levels 1..5, with what each of them stands for."""

    def apply(clip: Clip, level: float, rng: np.random.Generator) -> Clip:
        return at(clip, table[int(level) - 1], rng)

    return Kind("level", (1, 2, 3, 4, 5), 1, 5, 0, apply)


KINDS: dict[str, Kind] = {
    "h264": Kind(
        "crf", (30, 32, 35, 38, 40), 1, 51, 0, lambda clip, crf, _: degrade.h264(clip, int(crf))
    ),
    "jpeg": Kind(
        "quality",
        (90, 70, 50, 30, 10),
        1,
        100,
        None,
        lambda clip, quality, _: degrade.jpeg(clip, int(quality)),
    ),
    "resize": Kind(
        "factor",
        (0.5, 0.3333, 0.25, 0.2, 0.1667),
        0.01,
        1,
        1,
        lambda clip, factor, _: degrade.downscale(clip, factor),
        whole=False,
    ),
    # The kernel is as wide as OpenCV finds right for its deviation, a sixth of the published width.
    "blur": _level(
        lambda clip, kernel, _: degrade.blur(clip, _pixels(kernel / 6, clip)), 7, 9, 13, 17, 21
    ),
    "noise": _level(
        lambda clip, variance, rng: degrade.grain(clip, 255 * variance**0.5, rng),
        0.001,
        0.002,
        0.005,
        0.01,
        0.05,
    ),
    "brightness": _level(
        lambda clip, amount, _: degrade.lighten(clip, amount), 0.1, 0.2, 0.3, 0.4, 0.5
    ),
    # About black, as the published code does it: the picture is darker, too.
    "contrast": _level(
        lambda clip, factor, _: degrade.colour(clip, factor), 0.85, 0.725, 0.6, 0.475, 0.35
    ),
    "saturation": _level(
        lambda clip, factor, _: degrade.colour(clip, saturation=factor), 0.4, 0.3, 0.2, 0.1, 0.0
    ),
    "block": _level(
        lambda clip, number, rng: degrade.block(
            clip, int(number), max(round(_pixels(8, clip)), 1), rng
        ),
        16,
        32,
        48,
        64,
        80,
    ),
}
