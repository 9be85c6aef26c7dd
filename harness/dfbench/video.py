"""Reading videos, behind one small interface so that another decoder can take decord's place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import decord
import numpy as np
from numpy.typing import NDArray

from dfbench.errors import VideoError
from dfbench.rescue import DamagedVideo

# decord puts the zlib it brings before everyone's, and an OpenCV loaded after it can no longer read
# PNG. So OpenCV is loaded first, here, where decord is.
assert cv2
decord.logging.set_level(decord.logging.QUIET)  # its complaints reach the user as VideoError

READER = f"decord {version('decord')}"
"""Decoder and version: part of a run's spec, since another decoder gives other pixels."""

_ERRORS = (decord.DECORDError, RuntimeError, OSError, IndexError)


class Video:
    """One video file, opened for reading selected frames.

    Raises VideoError, and nothing else, for whatever cannot be read: no such file, no video
    stream, damaged index, no frames. Of a file with damage in the middle the other frames are
    read, in whatever order they are asked for. Never holds more than the frame asked for.

    >>> with Video(path) as video:                                          # doctest: +SKIP
    ...     len(video), video.fps, video.width, video.height
    """

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        self.path = Path(path)
        self._damaged: DamagedVideo | None = None
        self._lost: str | None = None
        if not self.path.is_file():
            raise VideoError(f"{self.path} does not exist or is no file")
        try:
            self._reader: Any = decord.VideoReader(str(self.path), num_threads=threads)
            self._count = len(self._reader)
            self.fps = float(self._reader.get_avg_fps()) if self._count else 0.0
        except _ERRORS as error:
            raise VideoError(f"{self.path} cannot be decoded: {_last_line(error)}") from error
        if self._count <= 0:
            raise VideoError(f"{self.path} has no frames")

    def __len__(self) -> int:
        """Frames in the video, counted from its packets, so right where the header has no count."""
        return self._count

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Frame ``number`` (from 0) as uint8 [H, W, 3], RGB, upright. Raises VideoError."""
        if not 0 <= number < self._count:
            raise VideoError(f"{self.path} has {self._count} frames, none of number {number}")
        if self._lost is not None:
            raise VideoError(self._lost)
        if self._damaged is None:
            try:
                image: NDArray[np.uint8] = self._reader[number].asnumpy()
                return image
            except _ERRORS as error:
                self._rescue(error)
                return self.frame(number)
        return self._damaged.frame(number)

    def _rescue(self, error: Exception) -> None:
        """After an error decord drops good frames, and may give others than those asked for."""
        try:
            self._damaged = DamagedVideo(self.path, self._count)
        except VideoError:
            self._lost = f"{self.path} cannot be decoded any further: {_last_line(error)}"

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
        """Frames one after the other, fastest in rising order; None where one cannot be read."""
        for number in numbers:
            try:
                yield number, self.frame(number)
            except VideoError:
                yield number, None

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader = None  # decord frees its decoder with the object
        if self._damaged is not None:
            self._damaged.close()


def _last_line(error: Exception) -> str:
    """The reason alone: decord puts a time of day and a place in its own source before it."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    line = lines[-1].strip() if lines else type(error).__name__
    return re.sub(r"^\[[\d:]+\] \S+:\d+: (Error: )?", "", line)
