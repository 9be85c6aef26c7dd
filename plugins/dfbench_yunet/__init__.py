"""YuNet through OpenCV: the face detector of choice on a CPU."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import FaceDetectorCard, WeightsFile, hookimpl


@hookimpl
def dfbench_face_detectors() -> Iterable[FaceDetectorCard]:
    return [
        FaceDetectorCard(
            name="yunet",
            summary="YuNet (OpenCV's FaceDetectorYN), about 10 ms a frame on one core",
            target="dfbench_yunet.detector:YuNet",
            version="2023mar-640-2",
            paper="Wu et al., YuNet: A Tiny Millisecond-level Face Detector, MIR 2023",
            year=2023,
            licence="MIT",
            weights=(
                WeightsFile(
                    name="2023mar",
                    filename="face_detection_yunet_2023mar.onnx",
                    summary="the OpenCV model zoo's file",
                    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
                    "face_detection_yunet/face_detection_yunet_2023mar.onnx",
                    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                    size=232589,
                    licence="MIT",
                ),
            ),
        )
    ]
