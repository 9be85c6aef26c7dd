"""RetinaFace through the package ``retinaface-pytorch``: the face detector of choice on a GPU.

The package is an extra, ``pip install "deepfake-bench[retinaface]"``, since it brings streamlit
and OpenCV once more: ``opencv-python`` and ``opencv-python-headless`` write the same folder, and
where pip writes the first one last, ``import cv2`` needs libGL and X11. On a machine without them
install it with ``pip install --no-deps retinaface-pytorch==0.0.7``: of the package only the
network, its anchors and their decoding are used, and these need PyTorch alone. Too late for that:
``pip install --force-reinstall --no-deps opencv-python-headless``.
"""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import FaceDetectorCard, WeightsFile, hookimpl


@hookimpl
def dfbench_face_detectors() -> Iterable[FaceDetectorCard]:
    return [
        FaceDetectorCard(
            name="retinaface",
            summary="RetinaFace with a ResNet50, for GPUs: seconds a frame on a CPU",
            target="dfbench_retinaface.detector:RetinaFace",
            version="resnet50-960",
            paper="Deng et al., RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild, "
            "CVPR 2020",
            year=2020,
            licence="MIT",
            weights=(
                WeightsFile(
                    name="resnet50_2020-07-20",
                    filename="retinaface_resnet50_2020-07-20-f168fae3c.zip",
                    summary="retinaface-pytorch's, trained on WIDER FACE",
                    url="https://github.com/ternaus/retinaface/releases/download/0.01/"
                    "retinaface_resnet50_2020-07-20-f168fae3c.zip",
                    page="https://github.com/ternaus/retinaface/releases",
                    licence="MIT",
                ),
            ),
        )
    ]
