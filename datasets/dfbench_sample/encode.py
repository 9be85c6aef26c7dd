"""Sensor noise and H.264: the one road by which every frame, real or fake, reaches its file.

All frames are key frames at one quantiser, without anything that looks at a neighbour (no rate
control, no macroblock tree, no look-ahead), so a frame's bytes depend on that frame alone and the
order of frames leaves no trace in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench_sample.drawing.motion import FPS
from dfbench_sample.drawing.shape import Image

_X264 = {
    "preset": "superfast",
    "profile": "high",
    "bf": "0",
    "g": "1",
    "threads": "1",
    "x264-params": "scenecut=0:mbtree=0:rc-lookahead=0:aq-mode=0:keyint=1:bframes=0:threads=1",
}


def sensor(clean: Image, rng: np.random.Generator) -> Image:
    """``clean`` (RGB, uint8 [H, W, 3]) as a sensor gives it: planes of luma and chroma (4:2:0,
    uint8 [H * 3 / 2, W]) with noise that is drawn anew at each call."""
    planes = cv2.cvtColor(clean, cv2.COLOR_RGB2YUV_I420)
    random = np.frombuffer(rng.bytes(planes.size), np.uint8).reshape(planes.shape)
    luma, chroma = np.split(random, [clean.shape[0]])
    noise = np.concatenate([cv2.LUT(luma, _LUMA_NOISE), cv2.LUT(chroma, _CHROMA_NOISE)])
    return cv2.add(planes, noise, dtype=cv2.CV_8U)


def _table(deviation: float) -> NDArray[np.int8]:
    """Gaussian noise by inverse transform: a random byte picks one of 256 equally likely values."""
    normal = NormalDist(0, deviation)
    return np.array([round(normal.inv_cdf((byte + 0.5) / 256)) for byte in range(256)], np.int8)


_LUMA_NOISE, _CHROMA_NOISE = _table(1.9), _table(1.0)  # in steps of 8 bits


def write_video(path: Path, frames: Sequence[Image], qp: int) -> None:
    """Encode what ``sensor`` gives into an mp4 without a time stamp or a version in it."""
    exact = {"fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=exact) as file:
        stream = file.add_stream("libx264", rate=FPS, options={**_X264, "qp": str(qp)})
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        stream.height, stream.width = frames[0].shape[0] * 2 // 3, frames[0].shape[1]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for number, planes in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
