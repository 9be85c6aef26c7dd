"""CNN and LSTM: features of consecutive frames, read in order (Güera & Delp, AVSS 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl


def _imagenet(name: str, trunk: str, filename: str) -> WeightsFile:
    return WeightsFile(
        name=name,
        filename=filename,
        summary=f"torchvision's {trunk}, trained on ImageNet-1k: the trunk; the rest starts fresh",
        url=f"https://download.pytorch.org/models/{filename}",
        sha256=filename.removesuffix(".pth").rpartition("-")[2],
        licence="BSD-3-Clause",
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="cnn_lstm",
            summary="InceptionV3's features of 20 consecutive frames, and an LSTM over them",
            target="dfbench_cnn_lstm.networks:CnnLstm",
            methods=(),
            paper="Güera and Delp, Deepfake Video Detection Using Recurrent Neural Networks, AVSS "
            "2018",
            year=2018,
            licence="Apache-2.0 (this code); BSD-3-Clause (torchvision)",
            clip=ClipSpec(frames=20, size=299, margin=1.3, mean=(0.5,) * 3, std=(0.5,) * 3),
            # The paper takes the features as ImageNet made them and trains what follows.
            recipe=Recipe(
                epochs=20,
                batch_size=8,
                lr=1e-5,
                schedule="inverse",
                decay=1e-6,
                clips_per_video=4,
                patience=30,
                fine_tune="2",
                weights="imagenet",
            ),
            options={"frames": 20, "size": 299, "trunk": "inception_v3", "hidden": 2048},
            weights=(
                _imagenet("imagenet", "inception_v3", "inception_v3_google-0cc3c7bd.pth"),
                _imagenet("imagenet-resnet18", "resnet18", "resnet18-f37072fd.pth"),
            ),
        )
    ]
