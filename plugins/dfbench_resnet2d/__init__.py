"""2D ResNets (He et al., CVPR 2016) on single frames: the study's frame-by-frame baseline."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_SITE = "https://download.pytorch.org/models/"
_CLIP = ClipSpec(
    frames=1, size=224, margin=1.3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
# File names end in the first eight digits of the file's sha256.
_IMAGENET = {
    18: {"imagenet-v1": "f37072fd"},
    34: {"imagenet-v1": "b627a593"},
    50: {"imagenet-v1": "0676ba61", "imagenet-v2": "11ad3fa6"},
    101: {"imagenet-v1": "63fe2227", "imagenet-v2": "cd907fc2"},
}
_STUDY = Published(
    source="spatiotemporal-2021",
    train="DFDC",
    test="DFDC",
    level="video",
    metric="accuracy",
    value=0.84,
    initial="ImageNet",
)


def _weights(depth: int, name: str, digits: str) -> WeightsFile:
    filename = f"resnet{depth}-{digits}.pth"
    return WeightsFile(
        name=name,
        filename=filename,
        summary=f"torchvision's, trained on ImageNet-1k, recipe {name[-1]}; the head starts fresh",
        url=_SITE + filename,
        sha256=digits,
        licence="BSD-3-Clause",
    )


def _card(depth: int) -> DetectorCard:
    return DetectorCard(
        name=f"resnet{depth}",
        summary=f"2D ResNet-{depth} frame by frame, from ImageNet; layer4 and head fine-tuned",
        target=f"dfbench_resnet2d.networks:resnet{depth}",
        methods=(),
        paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
        year=2016,
        licence="Apache-2.0 (this code); BSD-3-Clause (torchvision)",
        clip=_CLIP,
        # The study's: Adam, cross-entropy, upper layers only. A low rate suits ImageNet's features.
        recipe=Recipe(
            epochs=8,
            batch_size=32,
            lr=1e-4,
            clips_per_video=8,
            patience=4,
            fine_tune="2",
            weights="imagenet-v1",
        ),
        options={"size": 224, "width": 1.0, "classes": "unknown"},
        weights=tuple(_weights(depth, name, digits) for name, digits in _IMAGENET[depth].items()),
        published=(_STUDY,) if depth == 50 else (),
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [_card(depth) for depth in _IMAGENET]
