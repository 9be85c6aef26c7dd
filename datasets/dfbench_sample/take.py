"""One real video before the camera: clean frames, true boxes and landmarks, and the fakes' frames.

Fakes are made here, from clean frames; noise and encoding come later and are the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbench_sample.drawing.head import Head
from dfbench_sample.drawing.motion import middle, motion
from dfbench_sample.drawing.people import light, person, stream
from dfbench_sample.drawing.scene import Scene
from dfbench_sample.drawing.shape import Floats, Image
from dfbench_sample.drawing.warp import Swap, warp
from dfbench_sample.plan import Video


@dataclass(frozen=True)
class Shot:
    """Clean RGB frames, uint8 [H, W, 3] each, boxes float32 [N, 4], landmarks float32 [N, 5, 2]."""

    frames: list[Image]
    boxes: Floats
    landmarks: Floats


class Take:
    """The take behind a real video; ``shot`` gives it or a fake of it."""

    def __init__(self, seed: int, number: int, take: int) -> None:
        who, self.light = person(seed, number), light(seed, number, take)
        self.poses = motion(seed, number, take)
        self.head = Head(who, self.light)
        scene = Scene(who, self.light, take, middle(self.poses))
        self.real = Shot(
            [scene.place(self.head.draw(pose), pose) for pose in self.poses],
            np.stack([self.head.box(pose) for pose in self.poses]),
            np.stack([self.head.landmarks(pose) for pose in self.poses]),
        )

    def shot(self, video: Video) -> Shot:
        """The frames of ``video``, which is this take or a fake of it."""
        real = self.real
        if video.method == "warp":
            return Shot(self._warped(video), real.boxes, real.landmarks)
        if video.method == "flicker":
            order = shuffled(video, len(real.frames))
            frames = [real.frames[i] for i in order]
            return Shot(frames, real.boxes[order], real.landmarks[order])
        return real  # real, and ``reencode``: only the noise will differ

    def _warped(self, video: Video) -> list[Image]:
        assert video.donor is not None
        donor = Head(person(video.seed, video.donor), self.light)
        swap = Swap.draw(stream(video.seed, "swap", video.id))
        pairs = zip(self.real.frames, self.poses, strict=True)
        return [warp(frame, self.head, donor, pose, swap) for frame, pose in pairs]


def shuffled(video: Video, count: int) -> NDArray[np.int64]:
    """The order of a ``flicker`` fake: its frame ``i`` shows the real video's frame
    ``shuffled[i]``."""
    return stream(video.seed, "order", video.id).permutation(count)
