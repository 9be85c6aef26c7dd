"""Faces without a network: the boxes a dataset ships, or the middle of the picture."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import FaceDetectorCard, hookimpl


@hookimpl
def dfbench_face_detectors() -> Iterable[FaceDetectorCard]:
    return [
        FaceDetectorCard(
            name="given",
            summary="the boxes and landmarks that the dataset ships",
            target="dfbench_faces.locate:Given",
        ),
        FaceDetectorCard(
            name="center",
            summary="a square in the middle of the picture, for videos cropped to the face",
            target="dfbench_faces.locate:Center",
        ),
    ]
