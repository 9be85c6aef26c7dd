"""Ways to the wanted pictures of a video file.

Two things make reading fast without touching a pixel: pictures that no other is built on are not
decoded unless they are asked for, and a stretch without a wanted frame is jumped over from key
frame to key frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import av

_SKIPPING = {"h264", "mpeg4", "mpeg2video"}
"""Decoders that leave out single pictures when asked to and that no later picture misses. AV1's
takes the wish as one for the whole file; in HEVC a picture left out may be needed by a higher
layer."""


class Source(Protocol):
    """An opened video file. times: when each frame is shown, rising; keys: those of key frames."""

    @property
    def times(self) -> Sequence[int]: ...

    @property
    def keys(self) -> Sequence[int]: ...

    def packets(self, time: int | None) -> Iterator[Any]:
        """From the key frame shown at ``time`` on, or all. Raises FFmpegError, ValueError."""
        ...


class Timed:
    """One way through a file whose packets say when they are shown."""

    def __init__(self, video: Source) -> None:
        self.video, self.times = video, video.times
        self.coming: Iterator[Any] | None = None
        self.at = -1  # number of the picture that came last
        self.held: Any | None = None  # that picture, where it came in place of one before it
        self.entry = 0  # number of the key frame that was jumped to and has not come yet
        self.jumps = True

    def picture(self, number: int, wanted: frozenset[int]) -> Any | None:
        """The picture, or None when it is damaged. A second try decodes from the very start: some
        files cannot be entered at what they call key frames."""
        found = self._try(number, wanted)
        if found is None and self.jumps:
            self.jumps, self.coming, self.held = False, None, None
            found = self._try(number, wanted)
        return found

    def _try(self, number: int, wanted: frozenset[int]) -> Any | None:
        if self.held is not None and self.at == number:
            return self.held
        time = self.times[number]
        key = self._key_before(number)
        self.held = None
        if self.coming is None or number <= self.at or key > self.at + 1:
            self.at, self.entry = -1, key
            self.coming = self._decoded(key, {self.times[n] for n in wanted})
        for picture in self.coming:
            self.at = bisect_right(self.times, picture.pts) - 1
            if self.entry and self.at >= self.entry:
                if self.at > self.entry or not picture.key_frame:
                    return None  # no way in: what follows builds on pictures before it
                self.entry = 0
            if picture.pts >= time:
                whole = None if picture.is_corrupt else picture
                self.held = whole if picture.pts > time else None
                return whole if picture.pts == time else None
        self.coming = None
        return None

    def _key_before(self, number: int) -> int:
        """Number of the last key frame up to ``number``; 0 where jumping does not help."""
        place = bisect_right(self.video.keys, self.times[number]) if self.jumps else 0
        return bisect_right(self.times, self.video.keys[place - 1]) - 1 if place else 0

    def _decoded(self, key: int, wanted: set[int]) -> Iterator[Any]:
        """Pictures from that key frame on, in order of time; those that none is built on only
        where they are wanted."""
        with suppress(av.FFmpegError, ValueError):
            for packet in self.video.packets(self.times[key] if self.jumps else None):
                context = packet.stream.codec_context
                every = context.codec.name not in _SKIPPING or not packet.size
                context.skip_frame = "DEFAULT" if every or packet.pts in wanted else "NONREF"
                try:
                    pictures = packet.decode()
                except av.FFmpegError:  # this packet's picture is lost, the next may be whole
                    continue
                yield from (picture for picture in pictures if picture.pts is not None)


class Counted:
    """One way through a file that does not say when pictures are shown: they are counted as they
    come out of the decoder, always from the start, up to the first that is damaged."""

    def __init__(self, video: Source) -> None:
        self.video = video
        self.coming: Iterator[Any] | None = None
        self.at = -1

    def picture(self, number: int, wanted: frozenset[int]) -> Any | None:
        del wanted
        if self.coming is None or number <= self.at:
            self.coming, self.at = self._decoded(), -1
        for picture in self.coming:
            self.at += 1
            if self.at == number:
                return picture
        self.at = 1 << 62  # nothing comes any more; an earlier number starts anew
        return None

    def _decoded(self) -> Iterator[Any]:
        with suppress(av.FFmpegError, ValueError):
            for packet in self.video.packets(None):
                for picture in packet.decode():
                    if picture.is_corrupt:
                        return
                    yield picture
