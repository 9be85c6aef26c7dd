"""Clips from the face store as a detector sees them. No source video is opened here.

Every draw is a function of (seed, epoch, video), never of a generator's past, so the number of
workers, an interruption or another batch size change nothing in what a clip looks like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import FAKE
from dfbench.clips.augment import POLICIES
from dfbench.clips.perturb import Perturbation
from dfbench.errors import PluginError
from dfbench.faces.file import arrays
from dfbench.faces.geometry import five_points, geometry, region_geometry, warp
from dfbench.faces.prepare import Prepared
from dfbench.faces.store import FaceStore

Matrix = NDArray[np.float64]
Stored = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]
"""A clip in the store: crops [T, S, S, 3], boxes [T, 4], landmarks [T, K, 2]."""
Pick = tuple[int, int, int, int]
"""What a worker is asked for: (video, clip, label, epoch)."""
MADE = "made"
"""Method of the fakes that a detector makes itself, in the scores on validation."""


@dataclass(frozen=True)
class ClipReader:
    """Clips of prepared videos as a detector sees them.

    rules: the detector's network without its numbers, asked for what it has of ``regions``,
    ``augment`` and ``training_clips``; see ``Detector.rules``.
    made: the videos are ``with_made``'s, each real one twice.
    perturb: what the stored clips go through before they are cut, when they are scored, never in
        training; what is random in it is drawn from ``seed``.
    """

    videos: Sequence[Prepared]
    store: FaceStore
    clip: ClipSpec
    rules: object = None
    made: bool = False
    perturb: Perturbation | None = None
    seed: int = 0

    def thinned(self, clips: int) -> ClipReader:
        """At most ``clips`` clips a video, evenly spread over those it has; 0 = all."""
        return replace(self, videos=[_thin(video, clips) for video in self.videos])

    def with_made(self) -> ClipReader:
        """For a detector that makes its fakes: each real video, and beside it the fake made of
        it, to be chosen on."""
        both = []
        for video in self.videos:
            record = video.record
            fake = replace(record, id=f"{record.id}#{MADE}", label=FAKE, method=MADE)
            both += [video, replace(video, record=fake)]
        return replace(self, videos=both, made=True)

    @property
    def makes_fakes(self) -> bool:
        return hasattr(self.rules, "training_clips")

    def views(self, video: int, windows: Sequence[int]) -> Tensor:
        """Clips as they are scored: uint8 [len(windows), V, T, size, size, 3], V views of each (one
        unless the detector has ``regions``). Raises StoreError when the store lost them."""
        clips = []
        for window, stored in zip(windows, self._stored(video, windows), strict=True):
            if self.made:  # real and made ones go through the same hands
                label = self.videos[video].record.label
                rng = np.random.default_rng([2, video // 2, window])
                stored = self._remade(stored, label, rng)
            stored = self._perturbed(stored, video, window)
            clips.append([warp(stored[0], matrix, self.clip) for matrix in self._cuts(stored)])
        return torch.from_numpy(np.stack(clips))

    def training_clip(self, pick: Pick, augment: str, seed: int) -> NDArray[np.uint8]:
        """One clip, augmented: uint8 [T, size, size, 3]. Raises StoreError when it is lost.

        A real clip and the fake made of it are drawn alike.
        """
        video, window, label, epoch = pick
        rng = np.random.default_rng([seed, 1, epoch, video, window])
        policy = POLICIES.get(augment) or self.rules.augment  # type: ignore[attr-defined]
        drawn = policy(rng)
        (stored,) = self._stored(video, [window])
        if self.makes_fakes:
            stored = self._remade(stored, label, rng)
            # A fake may take more draws to make than a real clip: what follows starts anew.
            rng = np.random.default_rng([seed, 3, epoch, video, window])
        (matrix,) = self._cuts(stored, rng)
        moved = drawn.jitter.moved(matrix, self.clip.size)
        shown: NDArray[np.uint8] = drawn.apply(warp(stored[0], moved, self.clip))
        return shown

    def _stored(self, video: int, windows: Sequence[int]) -> Iterator[Stored]:
        for place, frames in self.store.clips(self.videos[video].key, windows):
            boxes, marks = arrays(place)
            yield frames, boxes, five_points(marks) if self.clip.landmarks == 5 else marks

    def _remade(self, stored: Stored, label: int, rng: np.random.Generator) -> Stored:
        """A real clip as the detector wants to train on it, itself or a fake made of it."""
        make: Any = self.rules
        frames = make.training_clips(*stored, label, rng)
        kind = getattr(frames, "dtype", type(frames).__name__)
        if np.shape(frames) != stored[0].shape or kind != np.uint8:
            raise PluginError(
                f"training_clips of {type(make).__name__} returned {kind} of shape "
                f"{np.shape(frames)} for clips uint8 of shape {stored[0].shape}"
            )
        return frames, *stored[1:]

    def _perturbed(self, stored: Stored, video: int, window: int) -> Stored:
        if self.perturb is None:
            return stored
        of = self.videos[video]
        frames = self.perturb.apply(stored[0], self.seed, of.record.id, of.clips[window])
        return frames, *stored[1:]

    def _cuts(self, stored: Stored, rng: np.random.Generator | None = None) -> list[Matrix]:
        """Affine maps to the detector's input: one in training (``rng`` given), else V."""
        _, boxes, landmarks = stored
        regions = getattr(self.rules, "regions", None)
        if regions is None:
            return [geometry(boxes, landmarks, self.clip)]
        found = np.asarray(regions(boxes, landmarks, rng), np.float64)
        right = found.shape == (1, 4) or (found.shape[1:] == (4,) and len(found) and rng is None)
        if not right or not np.isfinite(found).all():
            raise PluginError(
                f"regions of {type(self.rules).__name__} returned shape {found.shape}, or what is "
                "no number: it must be [V, 4], and [1, 4] when it is given an rng"
            )
        return [region_geometry(region, self.clip.size) for region in found]


def _thin(video: Prepared, clips: int) -> Prepared:
    there = np.flatnonzero(video.usable)
    if not 0 < clips < len(there):
        return video
    kept = there[((np.arange(clips) + 0.5) * len(there) / clips).astype(int)]
    return replace(video, usable=tuple(i in kept for i in range(len(video.usable))))
