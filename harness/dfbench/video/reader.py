"""Reading selected frames of videos, behind one small interface so that another decoder can take
PyAV's place.

Frames are numbered in the order they are shown; how the decoder gets to them is told in
``seeking``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.logging import set_level
from av.stream import Disposition
from numpy.typing import NDArray

from dfbench.errors import VideoError
from dfbench.video.pictures import Pictures, is_pictures
from dfbench.video.seeking import Counted, Timed

set_level(None)  # FFmpeg's complaints reach the user as VideoError

READER = f"pyav {av.__version__}"
"""Decoder and version: part of a run's spec, since another decoder gives other pixels."""

Image = NDArray[np.uint8]

_TIMED = {"mov", "matroska", "flv", "avi", "nut"}
"""Containers in which every picture carries its own time. In the others (MPEG, ASF) FFmpeg works it
out from those around, and comes to another one after a jump."""
_LISTS = {"hls", "concat", "concatf", "dash", "imf", "sdp", "webm_dash_manifest"}


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
            self._file, self._stream = self._open()
            context = self._stream.codec_context
            self._size = context.width, context.height
            self._index()
        except (av.FFmpegError, ValueError, IndexError, MemoryError) as error:
            raise VideoError(f"{self.path} cannot be decoded: {_reason(error)}") from error
        if not self._count:
            raise VideoError(f"{self.path} has no frames")

    def _open(self) -> tuple[Any, Any]:
        # "file:" and the white list: neither a name nor a playlist inside leads elsewhere.
        options = {"protocol_whitelist": "file"}
        file = av.open(f"file:{self.path}", options=options, metadata_errors="ignore")
        if file.format.name in _LISTS:
            raise ValueError("it is a list of other files")
        stream = _video_stream(file)
        stream.codec_context.thread_count = 1  # the videos are the parallel dimension
        return file, stream

    def packets(self, time: int | None) -> Iterator[Any]:
        """The packets from the key frame shown at ``time``, or from the very start: then of the
        file opened anew, for not every kind can be wound back. Raises FFmpegError, ValueError."""
        if time is None:
            self._file.close()
            self._file, self._stream = self._open()
        else:
            self._file.seek(time, stream=self._stream)
        packets: Iterator[Any] = self._file.demux(self._stream)
        return packets

    def _index(self) -> None:
        """Find out when each frame is shown, from the packets: right where the header has no
        count, an untrue one, or a rate that varies."""
        times: list[int | None] = []
        keys: list[int] = []
        listed = len(getattr(self._stream, "index_entries", ()))
        for packet in self._file.demux(self._stream):
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append(packet.pts)
        known = sorted(time for time in times if time is not None)
        self._count = len(times)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else 0.0
        self.promised = self._promised()
        kinds = set(self._file.format.name.split(","))
        self._timed = len(set(known)) == len(times) and bool(kinds & _TIMED)
        if "avi" in kinds and (self._stream.codec_context.has_b_frames or listed != len(times)):
            # AVI has no times: pictures are counted, by its index after a jump, and where they are
            # reordered the count names others.
            self._timed = False
        self.times = known
        self.keys = sorted(keys) if self._timed else []

    def _promised(self) -> int:
        """Frames that the header tells of, 0 where it tells nothing. MP4 and MOV count those too
        that an edit list cuts away: their index says which are left."""
        count = int(self._stream.frames)
        if count > self._count and "mov" in self._file.format.name:
            entries = getattr(self._stream, "index_entries", None) or ()
            count = min(count, sum(not entry.is_discard for entry in entries) or count)
        return count

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
        reading = Timed(self) if self._timed else Counted(self)
        wanted = frozenset(inside)
        for number in numbers:
            picture = reading.picture(number, wanted) if number in wanted else None
            yield number, None if picture is None else self._image(picture)

    def _image(self, picture: Any) -> Image | None:
        width, height = self._size
        try:
            # One thread: the videos are the parallel dimension, and what was converted with several
            # hangs a process forked later that gives it free.
            image = picture.to_ndarray(format="rgb24", width=width, height=height, threads=1)
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


def _video_stream(file: Any) -> Any:
    """The first stream of moving pictures: the cover of a song is none. Raises ValueError."""
    for stream in file.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise ValueError("its pictures are coded in a way that FFmpeg does not know")
            return stream
    raise ValueError("it has no video stream")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
