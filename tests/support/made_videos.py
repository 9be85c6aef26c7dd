"""Small videos for tests: made, taken apart, and damaged where it is asked."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


class VideoMaker:
    """Writes small videos whose frames carry their number."""

    def __call__(
        self,
        path: Path,
        frames: int = 40,
        size: tuple[int, int] = (96, 64),
        fps: int = 25,
        codec: str = "libx264",
        rotate: int = 0,
        draw: Callable[[int], np.ndarray] | None = None,
        times: Callable[[int], int] | None = None,
        muxer: dict[str, str] | None = None,
        **options: Any,
    ) -> Path:
        """``size`` is (width, height) as coded; ``rotate`` (degrees) turns it for the player.
        ``draw(n)`` gives a whole picture instead, ``times(n)`` the millisecond it is shown at;
        ``muxer`` and ``options`` are the container's and the encoder's, e.g. ``g=1``."""
        width, height = size
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", options=muxer or {}) as file:
            stream = file.add_stream(
                codec, rate=fps, options={k: str(v) for k, v in options.items()}
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            if rotate:
                stream.set_display_rotation(rotate)
            if times:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(frames):
                image = draw(number) if draw else self.paint(number, size)
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                if times:
                    picture.pts, picture.time_base = times(number), Fraction(1, 1000)
                file.mux(stream.encode(picture))
            file.mux(stream.encode())
        return path

    @staticmethod
    def paint(number: int, size: tuple[int, int]) -> np.ndarray:
        """The number's low digit (base 16) as brightness on the left, the high one on the right."""
        width, height = size
        image = np.empty((height, width, 3), np.uint8)
        image[:, : width // 2] = 30 + 12 * (number % 16)
        image[:, width // 2 :] = 30 + 12 * (number // 16)
        return image

    @staticmethod
    def number(image: np.ndarray) -> int:
        """The number that ``paint`` put into a picture."""
        width = image.shape[1]
        low, high = image[:, 4 : width // 2 - 4], image[:, width // 2 + 4 : -4]
        return round((low.mean() - 30) / 12) + 16 * round((high.mean() - 30) / 12)


def damage(path: Path, frame: int) -> None:
    """Overwrite the coded frame of that number with zeros; all key frames, so it is one packet."""
    with av.open(str(path)) as file:
        packets = [p for p in file.demux(video=0) if p.pts is not None]
    packets.sort(key=lambda packet: packet.pts)
    hit = packets[frame]
    data = bytearray(path.read_bytes())
    data[hit.pos : hit.pos + hit.size] = bytes(hit.size)
    path.write_bytes(data)


def packets(codec: str, size: tuple[int, int], numbers: range, draw) -> list[av.Packet]:
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), 25
    encoder.options = {"g": "10", "bf": "0"}
    found = []
    for number in numbers:
        picture = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        found += encoder.encode(picture)
    return found + encoder.encode()
