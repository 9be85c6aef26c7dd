"""A sequence of pictures read as a video: a folder, one picture a frame, or a single picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.errors import VideoError
from dfbench.video.endings import IMAGE_ENDINGS


def is_pictures(path: Path) -> bool:
    """Whether ``path`` is to be read as pictures: a folder, or a file named as a picture."""
    return path.is_dir() or path.suffix.lower() in IMAGE_ENDINGS


def picture_files(folder: Path) -> list[Path]:
    """The pictures directly in ``folder``, ordered by the numbers in their names: 9 before 10."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_ENDINGS)
    return sorted((p for p in files if not p.name.startswith(".")), key=_natural)


class Pictures:
    """What ``reader.Video`` is, for pictures. fps is 0: pictures have no clock.

    Raises VideoError when there are none; a picture that cannot be decoded is a frame that cannot
    be read. All are brought to the size of the first.
    """

    fps = 0.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.promised = 0
        self._size: tuple[int, int] | None = None
        folder = path.is_dir()
        try:
            self._files = picture_files(path) if folder else [path]
        except OSError as error:
            raise VideoError(f"{path} cannot be read: {error.strerror}") from error
        if not self._files:
            raise VideoError(f"{path} is a folder without pictures")
        if not folder and not path.is_file():
            raise VideoError(f"{path} does not exist or is no file")

    def __len__(self) -> int:
        return len(self._files)

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Picture ``number`` (from 0) as uint8 [H, W, 3], RGB. Raises VideoError."""
        if not 0 <= number < len(self._files):
            raise VideoError(f"{self.path} has {len(self._files)} frames, none of number {number}")
        image = _decode(self._files[number])
        if self._size is None:
            self._size = self._first_size()
        if (image.shape[1], image.shape[0]) != self._size:
            scaled = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
            return np.asarray(scaled, np.uint8)
        return image

    def _first_size(self) -> tuple[int, int]:
        for file in self._files:
            try:
                height, width = _decode(file).shape[:2]
            except VideoError:
                continue
            return width, height
        raise VideoError(f"{self.path} has no picture that can be decoded")

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
        """Pictures one after the other; None where one cannot be read."""
        for number in numbers:
            try:
                yield number, self.frame(number)
            except VideoError:
                yield number, None

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def _decode(file: Path) -> NDArray[np.uint8]:
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError as error:
        raise VideoError(f"{file} cannot be read: {error.strerror}") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    except cv2.error:  # a header that promises more pixels than OpenCV takes
        image = None
    if image is None:
        raise VideoError(f"{file} cannot be decoded as a picture")
    return np.asarray(image, np.uint8)


def _natural(path: Path) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", path.stem)], path.name
