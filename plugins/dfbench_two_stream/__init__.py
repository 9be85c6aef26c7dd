"""Two-stream network: a frame and a stack of optical flow (Simonyan & Zisserman, NIPS 2014)."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl

_SITE = "https://download.pytorch.org/models/"
# Flow is measured on the pictures as they are; the frame is normalised in the network.
_CLIP = ClipSpec(frames=11, size=224, margin=1.3)
# Section 5: SGD with momentum 0.9, rate 0.01, a tenth of it after 14,000 steps. The paper's batch
# of 256 clips is more than most GPUs hold of this trunk.
_RECIPE = Recipe(
    epochs=10,
    batch_size=32,
    lr=1e-2,
    optimizer="sgd",
    momentum=0.9,
    schedule="step",
    decay=0.1,
    decay_steps=14_000,
    clips_per_video=4,
    weights="imagenet",
)


def _imagenet(name: str, filename: str) -> WeightsFile:
    trunk, _, rest = filename.partition("-")
    return WeightsFile(
        name=name,
        filename=filename,
        summary=f"torchvision's {trunk} trained on ImageNet, for the spatial stream",
        url=_SITE + filename,
        sha256=rest.removesuffix(".pth"),
        licence="BSD-3-Clause",
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="two_stream",
            summary="a frame and ten fields of optical flow, a ResNet each, scores averaged",
            target="dfbench_two_stream.networks:TwoStream",
            methods=(),
            paper="Simonyan & Zisserman, Two-Stream Convolutional Networks for Action Recognition "
            "in Videos, NIPS 2014 (here with ResNets instead of CNN-M-2048)",
            year=2014,
            licence="Apache-2.0 (this code); BSD-3-Clause (torchvision and its weights)",
            clip=_CLIP,
            recipe=_RECIPE,
            options={"trunk": "resnet18", "width": 1.0, "size": 224},
            weights=(
                _imagenet("imagenet", "resnet18-f37072fd.pth"),
                _imagenet("imagenet-resnet34", "resnet34-b627a593.pth"),
                _imagenet("imagenet-resnet50", "resnet50-0676ba61.pth"),
            ),
        )
    ]
