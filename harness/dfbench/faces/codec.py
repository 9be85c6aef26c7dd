"""How a crop is coded in the face store: WebP without loss, or JPEG where room is short.

Both were chosen by measuring (``bench/store.py``, the table is in docs/performance.md). A reader
goes by the content, so it also takes the PNG crops of stores that an earlier dfbench made.
"""

from __future__ import annotations

import io
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, WebPImagePlugin  # noqa: F401 - the second makes Pillow able to write WebP

from dfbench.errors import StoreError

Quality = Literal["lossless", "jpeg95"]
ENDINGS: dict[Quality, str] = {"lossless": ".webp", "jpeg95": ".jpg"}

# Colour at full resolution: halved, as is usual, it costs another 1 to 2 dB and blurs the edges
# between skin and background that blending fakes leave.
_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY,
    95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]


def encode(image: NDArray[np.uint8], quality: Quality) -> bytes:
    """A file's bytes for a picture uint8 [H, W, 3], RGB; the same bytes for the same picture."""
    if quality == "jpeg95":
        done, data = cv2.imencode(".jpg", image[..., ::-1], _JPEG)
        if not done:
            raise StoreError("OpenCV could not encode a JPEG picture")
        return data.tobytes()
    buffer = io.BytesIO()
    # The fastest of WebP's methods: the slower ones win up to 20 % of the size for 4 to 15 times
    # the time. OpenCV writes with the slowest alone, hence Pillow.
    Image.fromarray(image).save(buffer, "WEBP", lossless=True, method=0, quality=0)
    return buffer.getvalue()


def decode(data: bytes) -> NDArray[np.uint8]:
    """The picture, uint8 [H, W, 3] RGB. Raises ValueError when it cannot be decoded."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise ValueError(f"a picture cannot be decoded: {error}") from error
    if image is None:
        raise ValueError("a picture cannot be decoded")
    return np.asarray(image, np.uint8)


def size(data: bytes) -> tuple[int, int]:
    """Width and height of a picture as its header says; nothing is decoded. Raises ValueError."""
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP", "JPEG", "PNG")) as image:
            return image.size
    except (OSError, SyntaxError) as error:
        raise ValueError(f"a picture's header cannot be read: {error}") from error
