"""Which frames of a video a detector sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import ClipSpec


def sample_windows(frame_count: int, clip: ClipSpec) -> NDArray[np.int64]:
    """Frame numbers int64 [windows, frames], spread evenly over the whole video.

    The possible starts are cut into ``clip.windows`` equal parts and each window starts in the
    middle of its part, so single frames and clips alike span the video and keep clear of its very
    ends. In a video shorter than a clip the frames run forth and back (0 1 2 1 0 …): motion stays
    coherent, where repeating or looping would add the jumps a temporal detector looks for. With
    fewer starts than windows some windows coincide; their number never changes, so every video
    has the same number of rows.
    """
    span = (clip.frames - 1) * clip.stride + 1
    starts = max(frame_count - span + 1, 1)
    first = np.floor((np.arange(clip.windows) + 0.5) / clip.windows * starts).astype(np.int64)
    numbers = first[:, None] + np.arange(clip.frames, dtype=np.int64) * clip.stride
    return fold(numbers, frame_count)


def fold(numbers: NDArray[np.int64], frame_count: int) -> NDArray[np.int64]:
    """Bring numbers beyond the end back by reflection: forth and back over ``frame_count``."""
    if frame_count == 1:
        return np.zeros_like(numbers)
    period = 2 * (frame_count - 1)
    wrapped = numbers % period
    return np.minimum(wrapped, period - wrapped)
