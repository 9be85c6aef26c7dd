"""What happens to a video on its way: compression, blur, noise, loss of size, other colours.

Every function takes a clip uint8 [T, H, W, 3] (RGB) and gives one of the same shape, treating all
frames alike; ``grain`` and ``block`` alone draw anew in each frame. At the value that means nothing
(``factor`` 1, ``sigma`` 0 …) the clip itself is returned.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray

Clip = NDArray[np.uint8]
# Without the last, x264's AVX-512 code for mbtree reads memory that nothing was written to, and one
# clip comes out one way or another; with it the bytes do not depend on the processor either.
_X264 = {"preset": "veryfast", "threads": "1", "x264-params": "cpu-independent=1"}
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601
# BT.601 in the range 16..235 (chroma 16..240), as videos are coded: [Y, Cb, Cr] -> [R, G, B].
_FROM_YCC = np.array(
    [[1.164, 0.0, 1.596], [1.164, -0.392, -0.813], [1.164, 2.017, 0.0]], np.float32
)
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def colour(
    clip: Clip,
    brightness: float = 1.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
    hue: float = 0.0,
) -> Clip:
    """Factors on brightness, on the distance from the clip's mean grey, and on that of each pixel
    from its own grey; ``hue`` turns colours by so many degrees about the grey axis."""
    if contrast == saturation == 1.0 and hue == 0.0:
        return _brighter(clip, brightness)
    turned = np.eye(3)
    if hue:
        c, s = np.cos(np.radians(hue)), np.sin(np.radians(hue))
        turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        turned = np.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ
    grey = np.outer(np.ones(3), _GREY)
    matrix = (saturation * turned + (1 - saturation) * grey) * (contrast * brightness)
    mean = float(cv2.mean(clip.reshape(1, -1, 3))[:3] @ _GREY) * brightness
    affine = np.column_stack([matrix, np.full(3, (1 - contrast) * mean)]).astype(np.float32)
    # Rounds, and saturates at 0 and 255. Frame by frame, so that equal frames stay equal whichever
    # way OpenCV takes through the ends of a long row.
    frames = [cv2.transform(frame, affine) for frame in clip]
    return np.stack(frames).astype(np.uint8, copy=False)


def _brighter(clip: Clip, factor: float) -> Clip:
    if factor == 1.0:
        return clip
    table = np.clip(np.arange(256) * factor + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(clip.reshape(1, -1), table), np.uint8).reshape(clip.shape)


def lighten(clip: Clip, amount: float) -> Clip:
    """``amount`` (0..1) added to V of HSV: lighter at the same hue and, below white, saturation."""
    if amount == 0.0:
        return clip
    lifted = np.minimum(np.arange(256) + 255 * amount, 255).astype(np.float32)
    factors = lifted / np.maximum(np.arange(256, dtype=np.float32), 1)
    frames = []
    for frame in clip:
        value = frame.max(axis=-1, keepdims=True)
        black = lifted[0] * (value == 0)  # has no hue: becomes grey
        frames.append(np.rint(frame * factors[value] + black).astype(np.uint8))
    return np.stack(frames)


def downscale(clip: Clip, factor: float) -> Clip:
    """Reduced to ``factor`` (0..1) of its size by area, and enlarged again."""
    if factor == 1.0:
        return clip
    height, width = clip.shape[1:3]
    small = max(round(width * factor), 1), max(round(height * factor), 1)
    frames = []
    for frame in clip:
        reduced = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
        frames.append(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.stack(frames).astype(np.uint8, copy=False)


def blur(clip: Clip, sigma: float) -> Clip:
    """Gaussian blur; ``sigma`` in pixels."""
    if sigma == 0.0:
        return clip
    frames = [cv2.GaussianBlur(frame, (0, 0), sigma) for frame in clip]
    return np.stack(frames).astype(np.uint8, copy=False)


def noise(clip: Clip, deviation: float, seed: int) -> Clip:
    """Gaussian noise of ``deviation`` grey levels, one field for all frames: noise drawn anew in
    each frame would be an incoherence in time, which is what temporal detectors look for."""
    if deviation == 0.0:
        return clip
    normal = np.random.default_rng(seed).standard_normal(clip.shape[1:], np.float32)
    field = np.rint(normal * deviation).astype(np.int16)
    frames = [cv2.add(frame, field, dtype=cv2.CV_8U) for frame in clip]  # saturates
    return np.stack(frames).astype(np.uint8, copy=False)


def grain(clip: Clip, deviation: float, rng: np.random.Generator) -> Clip:
    """Gaussian noise of ``deviation`` grey levels on luma and both chroma (BT.601), drawn anew for
    each frame, as a sensor has it."""
    if deviation == 0.0:
        return clip
    matrix = _FROM_YCC * np.float32(deviation)
    frames = []
    for frame in clip:
        field = cv2.transform(rng.standard_normal(frame.shape, np.float32), matrix)
        frames.append(cv2.add(frame, field, dtype=cv2.CV_8U))  # rounds, saturates
    return np.stack(frames).astype(np.uint8, copy=False)


def block(clip: Clip, number: int, side: int, rng: np.random.Generator) -> Clip:
    """``number`` grey squares of ``side`` pixels at random places, other ones in each frame. More
    of them, from an equal ``rng``, cover what fewer cover, and more."""
    if number == 0:
        return clip
    height, width = clip.shape[1:3]
    covered = clip.copy()
    corners = rng.random((number, len(clip), 2)) * [max(height - side, 0), max(width - side, 0)]
    for t, y, x in (
        (t, *np.rint(corner).astype(int)) for row in corners for t, corner in enumerate(row)
    ):
        covered[t, y : y + side, x : x + side] = 128
    return covered


def jpeg(clip: Clip, quality: int) -> Clip:
    """Each frame through JPEG of ``quality`` 1..100 and back; 0 = not at all."""
    if quality == 0:
        return clip
    frames = []
    for frame in clip:
        done, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done, "OpenCV encodes any picture as JPEG"
        frames.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8))
    return np.stack(frames)


def h264(clip: Clip, crf: int) -> Clip:
    """The clip through H.264 of constant rate factor ``crf`` 1..51 and back; 0 = not at all."""
    if crf == 0:
        return clip
    import av

    height, width = clip.shape[1:3]
    # Colour is halved in both directions, so sides must be even; the edge is repeated.
    padded = np.pad(clip, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), "edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": str(crf), **_X264})
        stream.height, stream.width = padded.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in padded:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as file:
        file.streams.video[0].thread_count = 1  # the loader's processes are the parallel dimension
        decoded = [frame.to_ndarray(format="rgb24", threads=1) for frame in file.decode(video=0)]
    return np.ascontiguousarray(np.stack(decoded)[:, :height, :width])
