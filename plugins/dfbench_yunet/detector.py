"""Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intell. Research 2023."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench import Faces, WeightsError
from dfbench_yunet.again import SecondLook

_SIDE = 640  # the longer side that pictures are reduced to; boxes are mapped back
_FINE = 1920  # the longer side when nobody was found at ``_SIDE``
_SCORE, _NMS, _TOP = 0.6, 0.3, 100


class YuNet:
    """Faces with boxes, five landmarks and scores.

    A picture is looked at with its longer side reduced to 640 pixels, where faces of about 10
    pixels and more are found. Only where that finds nobody, a larger picture is looked at again
    in full (up to 1920 pixels), which takes up to nine times as long. In either pass a face that
    the network is not sure of is looked at again by itself, see ``SecondLook``.
    """

    def __init__(self, weights: Path | None) -> None:
        """``weights``: the ONNX file. Raises WeightsError naming it when it cannot be used."""
        if weights is None:
            raise WeightsError("yunet needs its ONNX file")
        # OpenCV 5 warns about a target that nobody asked for.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), _SCORE, _NMS, _TOP)
            self._again = SecondLook(weights)
        except cv2.error as error:
            raise WeightsError(f"{weights} is not a network that OpenCV reads: {error}") from error

    def detect(self, images: NDArray[np.uint8]) -> list[Faces]:
        """Faces in each of ``images`` uint8 [N, H, W, 3] RGB, the surest first."""
        return [self._faces(image) for image in images]

    def _faces(self, image: NDArray[np.uint8]) -> Faces:
        rows = self._look(image, _SIDE)
        if not len(rows) and max(image.shape[:2]) > _SIDE:
            rows = self._look(image, _FINE)
        corner, extent = rows[:, :2], rows[:, 2:4]
        return Faces(
            np.concatenate([corner, corner + extent], axis=1),
            rows[:, 4:14].reshape(-1, 5, 2).copy(),
            rows[:, 14].copy(),
        )

    def _look(self, image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
        """OpenCV's rows float32 [N, 15] in the picture's own pixels, the surest first: x, y,
        width, height, ten landmark coordinates, score."""
        height, width = image.shape[:2]
        scale = min(1.0, side / max(height, width))
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        self._net.setInputSize(size)
        _, found = self._net.detect(np.ascontiguousarray(small[..., ::-1]))
        rows = np.zeros((0, 15), np.float32) if found is None else np.array(found, np.float32)
        rows[:, :14:2] *= width / size[0]
        rows[:, 1:14:2] *= height / size[1]
        kept = [row for row in rows if self._again.confirms(image, row, scale)]
        rows = np.array(kept, np.float32).reshape(-1, 15)
        return rows[np.argsort(-rows[:, 14], kind="stable")]
