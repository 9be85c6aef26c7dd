"""Reading selected frames of videos, behind one small interface so that another decoder can take
PyAV's place.

Frames are numbered in the order they are shown. Two things make reading fast without touching a
pixel: pictures that no other is built on are not decoded unless they are asked for, and a stretch
without a wanted frame is jumped over from key frame to key frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.logging import set_level
from av.stream import Disposition
from numpy.typing import NDArray

from dfbench.errors import VideoError
from dfbench.pictures import Pictures, is_pictures

set_level(None)  # FFmpeg's complaints reach the user as VideoError

READER = f"pyav {av.__version__}"
"""Decoder and version: part of a run's spec, since another decoder gives other pixels."""

Image = NDArray[np.uint8]


def open_video(path: Path) -> Video | Pictures:
    """A video file, or a folder of pictures (or one picture) read as a video. Raises VideoError."""
    return Pictures(path) if is_pictures(path) else Video(path)


class Video:
    """One video file, opened for reading selected frames.

    Raises VideoError, and nothing else, for whatever cannot be read: no such file, no video
    stream, damaged index, no frames. Of a file with damage in the middle the other frames are
    read: a damaged packet costs its own picture, those built on it are as FFmpeg mends them.
    Never holds more than the frame asked for.

    >>> with Video(path) as video:                                          # doctest: +SKIP
    ...     len(video), video.fps
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise VideoError(f"{self.path} does not exist or is no file")
        try:
            # "file:" and the white list: neither a name nor a playlist inside leads elsewhere.
            options = {"protocol_whitelist": "file"}
            self._file: Any = av.open(
                f"file:{self.path}", options=options, metadata_errors="ignore"
            )
            self._stream = _video_stream(self._file)
            context = self._stream.codec_context
            context.thread_count = 1  # the videos are the parallel dimension
            self._size = context.width, context.height
            self._index()
        except (av.FFmpegError, ValueError, IndexError, MemoryError) as error:
            raise VideoError(f"{self.path} cannot be decoded: {_reason(error)}") from error
        if not self._count:
            raise VideoError(f"{self.path} has no frames")

    def _index(self) -> None:
        """Find out when each frame is shown, from the packets: right where the header has no
        count, an untrue one, or a rate that varies."""
        times: list[int | None] = []
        keys: list[int] = []
        for packet in self._file.demux(self._stream):
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append(packet.pts)
        known = sorted(time for time in times if time is not None)
        self._count = len(times)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else 0.0
        self.promised = int(self._stream.frames)
        # AVI has no time of display: where pictures are reordered, its times name the wrong ones.
        avi = self._file.format.name == "avi" and self._stream.codec_context.has_b_frames
        self._timed = len(set(known)) == len(times) and not avi
        self._times = known
        self._keys = sorted(keys) if self._timed else []

    def __len__(self) -> int:
        """Frames in the video, counted from its packets."""
        return self._count

    def frame(self, number: int) -> Image:
        """Frame ``number`` (from 0) as uint8 [H, W, 3], RGB, upright. Raises VideoError."""
        if not 0 <= number < self._count:
            raise VideoError(f"{self.path} has {self._count} frames, none of number {number}")
        (image,) = (image for _, image in self.read([number]))
        if image is None:
            raise VideoError(f"{self.path}, frame {number}: damaged")
        return image

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[int, Image | None]]:
        """Frames one after the other, fastest in rising order; None where one cannot be read.

        All have the size that the file names: a video that changes it on the way is scaled back.
        One ``read`` at a time: they share the place in the file.
        """
        numbers = list(numbers)
        inside = [number for number in numbers if 0 <= number < self._count]
        reading = _Reading(self._file, self._stream, self._times, self._keys) if self._timed else (
            _Counting(self._file, self._stream)
        )  # fmt: skip
        wanted = frozenset(inside)
        for number in numbers:
            picture = reading.picture(number, wanted) if number in wanted else None
            yield number, None if picture is None else self._image(picture)

    def _image(self, picture: Any) -> Image | None:
        width, height = self._size
        try:
            image = picture.to_ndarray(format="rgb24", width=width, height=height)
        except (av.FFmpegError, ValueError):
            return None
        turned = np.rot90(image, picture.rotation // 90)
        return np.ascontiguousarray(turned, np.uint8)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Reading:
    """One way through a file whose packets say when they are shown."""

    def __init__(self, file: Any, stream: Any, times: Sequence[int], keys: Sequence[int]) -> None:
        self.file, self.stream, self.times, self.keys = file, stream, times, keys
        self.coming: Iterator[Any] | None = None
        self.at = -1  # number of the picture that came last
        self.held: Any | None = None  # that picture, where it came in place of one before it
        self.jumps = True

    def picture(self, number: int, wanted: frozenset[int]) -> Any | None:
        """The picture, or None when it is damaged. A second try decodes from the very start: some
        files cannot be entered at what they call key frames."""
        found = self._try(number, wanted)
        if found is None and self.jumps:
            self.jumps, self.coming = False, None
            found = self._try(number, wanted)
        return found

    def _try(self, number: int, wanted: frozenset[int]) -> Any | None:
        if self.held is not None and self.at == number:
            return self.held
        time = self.times[number]
        key = self._key_before(number)
        self.held = None
        if self.coming is None or number <= self.at or key > self.at + 1:
            self.file.seek(self.times[key], stream=self.stream)
            self.coming = self._decoded({self.times[n] for n in wanted})
            self.at = -1
        for picture in self.coming:
            self.at = bisect_right(self.times, picture.pts) - 1
            if picture.pts >= time:
                whole = None if picture.is_corrupt else picture
                self.held = whole if picture.pts > time else None
                return whole if picture.pts == time else None
        self.coming = None
        return None

    def _key_before(self, number: int) -> int:
        """Number of the last key frame up to ``number``; 0 where jumping does not help."""
        place = bisect_right(self.keys, self.times[number]) if self.jumps else 0
        return bisect_right(self.times, self.keys[place - 1]) - 1 if place else 0

    def _decoded(self, wanted: set[int]) -> Iterator[Any]:
        """Pictures from where the file stands, in order of time; those that none is built on only
        where they are wanted."""
        context = self.stream.codec_context
        for packet in self.file.demux(self.stream):
            context.skip_frame = "DEFAULT" if packet.pts in wanted or not packet.size else "NONREF"
            try:
                pictures = packet.decode()
            except av.FFmpegError:  # this packet's picture is lost, the next may be whole
                continue
            yield from (picture for picture in pictures if picture.pts is not None)


class _Counting:
    """One way through a file that does not say when pictures are shown: they are counted as they
    come out of the decoder, always from the start, up to the first that is damaged."""

    def __init__(self, file: Any, stream: Any) -> None:
        self.file, self.stream = file, stream
        self.coming: Iterator[Any] | None = None
        self.at = -1

    def picture(self, number: int, wanted: frozenset[int]) -> Any | None:
        del wanted
        if self.coming is None or number <= self.at:
            self.file.seek(0)
            self.coming, self.at = self._decoded(), -1
        for picture in self.coming:
            self.at += 1
            if self.at == number:
                return picture
        self.at = 1 << 62  # nothing comes any more; an earlier number starts anew
        return None

    def _decoded(self) -> Iterator[Any]:
        try:
            for packet in self.file.demux(self.stream):
                for picture in packet.decode():
                    if picture.is_corrupt:
                        return
                    yield picture
        except av.FFmpegError:
            return


def _video_stream(file: Any) -> Any:
    """The first stream of moving pictures: the cover of a song is none. Raises ValueError."""
    for stream in file.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise ValueError("it has no video stream")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
