"""MTCNN: a cascade of three small networks, with facenet-pytorch's published weights."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import FaceDetectorCard, WeightsFile, hookimpl

_AT = "https://raw.githubusercontent.com/timesler/facenet-pytorch/master/data/"


@hookimpl
def dfbench_face_detectors() -> Iterable[FaceDetectorCard]:
    return [
        FaceDetectorCard(
            name="mtcnn",
            summary="MTCNN, three small networks in a row, finds faces from 20 pixels",
            target="dfbench_mtcnn.detector:MTCNN",
            version="facenet-1",
            paper="Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded "
            "Convolutional Networks, IEEE Signal Processing Letters 2016",
            year=2016,
            licence="MIT",
            weights=(
                _file(
                    "pnet",
                    "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
                    28570,
                ),
                _file(
                    "rnet",
                    "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
                    403147,
                ),
                _file(
                    "onet",
                    "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
                    1559269,
                ),
            ),
        )
    ]


def _file(name: str, sha256: str, size: int) -> WeightsFile:
    return WeightsFile(
        name=name,
        filename=f"{name}.pt",
        summary=f"facenet-pytorch's {name[0].upper()}-Net",
        url=f"{_AT}{name}.pt",
        sha256=sha256,
        size=size,
        licence="MIT",
    )
