"""C3D: eight 3x3x3 convolutions over 16 frames (Tran et al., ICCV 2015)."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl

# The mean of Sports-1M. Random starts want inputs of unit size; the published files, which saw
# grey levels, bring a deviation of 1/255 when they are read.
_CLIP = ClipSpec(
    frames=16,
    size=112,
    margin=1.3,
    mean=(101.41 / 255, 97.66 / 255, 90.25 / 255),
    std=(0.25, 0.25, 0.25),
)
# Section 3.2: batches of 30 clips, rate 0.003, divided by 10 after every four epochs (here by the
# fourth root of 10 after each), 16 epochs.
_RECIPE = Recipe(
    epochs=16,
    batch_size=30,
    lr=3e-3,
    optimizer="sgd",
    momentum=0.9,
    weight_decay=5e-4,
    schedule="step",
    decay=10**-0.25,
    clips_per_video=4,
    patience=16,
)


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="c3d",
            summary="C3D: eight 3x3x3 convolutions on 16 frames; Sports-1M checkpoints",
            target="dfbench_c3d.networks:C3D",
            methods=(),
            paper="Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, "
            "ICCV 2015",
            year=2015,
            licence="Apache-2.0 (this code); that of the weights is not stated",
            clip=_CLIP,
            recipe=_RECIPE,
            options={
                "width": 1.0,
                "frames": 16,
                "size": 112,
                "channels": "auto",
                "classes": "unknown",
            },
            weights=(
                WeightsFile(
                    name="sports-1m",
                    filename="c3d.pickle",
                    summary="the authors' Caffe network, trained on Sports-1M, ported to PyTorch",
                    url="http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle",
                    page="https://github.com/DavideA/c3d-pytorch",
                ),
                WeightsFile(
                    name="ucf-101",
                    filename="c3d-pretrained.pth",
                    summary="a Caffe network fine-tuned on UCF-101, ported without its last layer",
                    page="https://github.com/jfzhang95/pytorch-video-recognition",
                ),
            ),
        )
    ]
