"""Reading what is left of a damaged video, packet by packet.

decord decodes ahead in a thread of its own, and an error there takes good frames with it: which
ones depends on timing. Here a damaged packet costs its own picture; those built on it are as FFmpeg
mends them. Slower, hence only for files on which decord failed; the pixels are the same, both are
FFmpeg's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dfbench.errors import VideoError


class DamagedVideo:
    """The readable frames of a video that has damage. Numbers are in order of time, as decord's.

    Raises VideoError when nothing can be made of it, or when it counts other than ``expected``
    frames, since then the numbers would mean other pictures.
    """

    def __init__(self, path: Path, expected: int) -> None:
        self.path = path
        try:
            self._file: Any = av.open(str(path))
            self._stream = self._file.streams.video[0]
            self._stream.codec_context.thread_count = 1
            self._coming: Iterator[Any] | None = None
            self._last = 0
            self._times = sorted(
                packet.pts for packet in self._file.demux(self._stream) if packet.pts is not None
            )
        except (av.FFmpegError, IndexError) as error:
            raise VideoError(f"{path} cannot be decoded: {error}") from error
        if len(self._times) != expected:
            raise VideoError(f"{path} is damaged: {len(self._times)} or {expected} frames?")
        # AVI has no time of display: where pictures are reordered, its times name the wrong ones.
        if self._file.format.name == "avi" and self._stream.codec_context.has_b_frames:
            raise VideoError(f"{path} is damaged and does not say when its frames are shown")

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Frame ``number`` as uint8 [H, W, 3], RGB, upright. Raises VideoError."""
        wanted = self._times[number]
        try:
            if self._coming is None or wanted <= self._last:
                self._file.seek(wanted, stream=self._stream)
                self._coming = self._decoded()
            for picture in self._coming:
                self._last = picture.pts
                if picture.pts == wanted and not picture.is_corrupt:
                    return _upright(picture)
                if picture.pts >= wanted:
                    raise VideoError(f"{self.path}, frame {number}: damaged")
        except av.FFmpegError as error:
            self._coming = None
            raise VideoError(f"{self.path}, frame {number}: {error}") from error
        self._coming = None
        raise VideoError(f"{self.path}, frame {number}: damaged")

    def _decoded(self) -> Iterator[Any]:
        """Pictures in order of time, from where the file stands."""
        for packet in self._file.demux(self._stream):
            try:
                pictures = packet.decode()
            except av.FFmpegError:  # this packet's picture is lost, the next may be whole
                continue
            yield from (picture for picture in pictures if picture.pts is not None)

    def close(self) -> None:
        self._file.close()


def _upright(picture: Any) -> NDArray[np.uint8]:
    image = picture.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, picture.rotation // 90), np.uint8)
