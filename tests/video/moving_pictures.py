"""Pictures worth predicting, ways to code them, and what a reader makes of them."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

import dfbench.video.reader
from dfbench.video.reader import Video

CODINGS = {"intra": {"g": 1}, "default": {}, "short": {"g": 10, "bf": 2}}


SIZE = (96, 64)
_NOISE = np.random.default_rng(0).integers(0, 256, (140, 180, 3), np.uint8)
_BACKGROUND = cv2.normalize(cv2.GaussianBlur(_NOISE, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def moving(number: int) -> np.ndarray:
    """A picture that every other of the video differs from, in a way that is worth predicting:
    the camera wanders over a pattern, and now and then the light changes."""
    x, y = int(40 + 38 * np.sin(number / 5)), int(38 + 36 * np.cos(number / 7))
    image = _BACKGROUND[y : y + SIZE[1], x : x + SIZE[0]].copy()
    image[8:20, (3 * number) % 80 :][:, :10] = (255, number % 256, 0)
    return 255 - image if number % 37 == 36 else image


def all_frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.codec_context.thread_count = 1
        return [picture.to_ndarray(format="rgb24") for picture in file.decode(stream)]


def decoded(monkeypatch) -> list[int]:
    """The sizes of the packets that are read from now on, while frames are looked for."""
    read: list[int] = []
    packets = Video.packets

    def counting(video: Video, time: int | None):
        for packet in packets(video, time):
            read.append(packet.size)
            yield packet

    monkeypatch.setattr(dfbench.video.reader.Video, "packets", counting)
    return read
