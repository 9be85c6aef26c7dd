"""Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intell. Research 2023."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.errors import WeightsError
from dfbench.records import Faces

_SIDE = 640  # the longer side that pictures are reduced to; boxes are mapped back
_SCORE, _NMS, _TOP = 0.6, 0.3, 100


class YuNet:
    """Faces with boxes, five landmarks and scores; larger pictures are looked at reduced."""

    def __init__(self, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("yunet needs its ONNX file")
        # OpenCV 5 warns about a target that nobody asked for.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), _SCORE, _NMS, _TOP)
        except cv2.error as error:
            raise WeightsError(f"{weights} is not a network that OpenCV reads: {error}") from error

    def detect(self, images: NDArray[np.uint8]) -> list[Faces]:
        """Faces in each of ``images`` uint8 [N, H, W, 3] RGB, the surest first."""
        return [self._faces(image) for image in images]

    def _faces(self, image: NDArray[np.uint8]) -> Faces:
        height, width = image.shape[:2]
        scale = min(1.0, _SIDE / max(height, width))
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        self._net.setInputSize(size)
        _, found = self._net.detect(np.ascontiguousarray(small[..., ::-1]))
        rows = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        rows = rows[np.argsort(-rows[:, 14], kind="stable")]
        back = np.array([width / size[0], height / size[1]], np.float32)
        corner, extent = rows[:, :2] * back, rows[:, 2:4] * back
        return Faces(
            np.concatenate([corner, corner + extent], axis=1),
            rows[:, 4:14].reshape(-1, 5, 2) * back,
            rows[:, 14].copy(),
        )
