"""Reading videos, behind one small interface so that another decoder can take decord's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import decord
import numpy as np
from numpy.typing import NDArray

from dfbench.errors import VideoError

decord.logging.set_level(decord.logging.QUIET)  # its complaints reach the user as VideoError

READER = f"decord {version('decord')}"
"""Decoder and version: part of a run's spec, since another decoder gives other pixels."""


class Video:
    """One video file, opened for reading selected frames.

    Raises VideoError, and nothing else, for whatever cannot be read: no such file, no video
    stream, damaged index, no frames. Never holds more than the frame asked for.

    >>> with Video(path) as video:                                          # doctest: +SKIP
    ...     len(video), video.fps, video.width, video.height
    """

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise VideoError(f"{self.path} does not exist or is no file")
        try:
            self._reader: Any = decord.VideoReader(str(self.path), num_threads=threads)
            self._count = len(self._reader)
            self.fps = float(self._reader.get_avg_fps()) if self._count else 0.0
        except (decord.DECORDError, RuntimeError, OSError) as error:
            raise VideoError(f"{self.path} cannot be decoded: {_last_line(error)}") from error
        if self._count <= 0:
            raise VideoError(f"{self.path} has no frames")

    def __len__(self) -> int:
        """Frames in the video, counted from its packets, so right where the header has no count."""
        return self._count

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Frame ``number`` as uint8 [H, W, 3], RGB, upright. Raises VideoError."""
        try:
            image: NDArray[np.uint8] = self._reader[number].asnumpy()
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise VideoError(f"{self.path}, frame {number}: {_last_line(error)}") from error
        return image

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


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
