"""A recurrent network over a CNN's features (Güera & Delp 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl

_SITE = "https://download.pytorch.org/models/"
_HALF = (0.5, 0.5, 0.5)


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="cnn_lstm",
            summary="InceptionV3's features of 20 consecutive frames, and an LSTM over them",
            target="dfbench_cnn_lstm.networks:CnnLstm",
            paper="Güera and Delp, Deepfake Video Detection Using Recurrent Neural Networks, "
            "AVSS 2018",
            year=2018,
            licence="Apache-2.0 (this code); BSD-3-Clause (torchvision and its weights)",
            clip=ClipSpec(frames=20, size=299, margin=1.3, mean=_HALF, std=_HALF),
            # Section 5.2: Adam, 1e-5, decay 1e-6. InceptionV3 is a fixed feature extractor there.
            recipe=Recipe(
                epochs=20, batch_size=8, lr=1e-5, schedule="inverse", decay=1e-6,
                clips_per_video=4, patience=10, fine_tune="2", weights="imagenet",
            ),
            options={"frames": 20, "size": 299, "trunk": "inception_v3", "hidden": 2048},
            weights=(
                WeightsFile(
                    name="imagenet",
                    filename="inception_v3_google-0cc3c7bd.pth",
                    summary="torchvision's InceptionV3 on ImageNet; LSTM and head start fresh",
                    url=_SITE + "inception_v3_google-0cc3c7bd.pth",
                    sha256="0cc3c7bd",
                    licence="BSD-3-Clause",
                ),
                WeightsFile(
                    name="imagenet-resnet18",
                    filename="resnet18-f37072fd.pth",
                    summary="torchvision's ResNet-18 on ImageNet; for cnn_lstm:trunk=resnet18",
                    url=_SITE + "resnet18-f37072fd.pth",
                    sha256="f37072fd",
                    licence="BSD-3-Clause",
                ),
            ),
        )
    ]  # fmt: skip
