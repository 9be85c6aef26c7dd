"""SSTNet: what a frame shows, what its noise shows, and how both change over time."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl

_HALF = (0.5, 0.5, 0.5)


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="sstnet",
            summary="SSTNet, a reconstruction (no official code): Xception on pixels and on noise "
            "residuals, LSTM over 8 frames",
            target="dfbench_sstnet.networks:SSTNet",
            methods=(),
            paper="Wu et al., SSTNet: Detecting Manipulated Faces Through Spatial, Steganalysis "
            "and Temporal Features, ICASSP 2020 (a reconstruction: sizes and recipe chosen here)",
            year=2020,
            licence="Apache-2.0",
            clip=ClipSpec(frames=8, size=299, margin=1.3, mean=_HALF, std=_HALF),
            recipe=Recipe(
                epochs=10, batch_size=8, lr=2e-4, clips_per_video=4, patience=5, weights="imagenet"
            ),
            options={
                "frames": 8,
                "size": 299,
                "residual": "bayar",
                "trunk": "legacy_xception",
                "hidden": 512,
            },
            weights=(
                WeightsFile(
                    name="imagenet",
                    filename="xception-43020ad28.pth",
                    summary="Xception on ImageNet, for both streams; the rest starts fresh",
                    url="https://github.com/huggingface/pytorch-image-models/releases/download/"
                    "v0.1-cadene/xception-43020ad28.pth",
                    sha256="43020ad28",
                    licence="Apache-2.0",
                ),
            ),
        )
    ]
