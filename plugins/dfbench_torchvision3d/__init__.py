"""torchvision's three video ResNets of 18 layers (Tran et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_SITE = "https://download.pytorch.org/models/"
_CLIP = ClipSpec(
    frames=16,
    size=112,
    margin=1.3,
    mean=(0.43216, 0.394666, 0.37645),
    std=(0.22803, 0.22145, 0.216989),
)
_RECIPE = Recipe(
    epochs=8,
    batch_size=8,
    lr=1e-3,
    clips_per_video=4,
    patience=8,
    fine_tune="3",
    weights="kinetics-400",
)
# de Lima et al., "Deepfake Detection using Spatiotemporal Convolutional Networks", 2020: their
# R3D is torchvision's.
_DE_LIMA = Published(
    source="de-lima-2020",
    train="Celeb-DF v2",
    test="Celeb-DF v2",
    level="video",
    metric="auc",
    value=0.9973,
    initial="Kinetics-400",
)


def _card(
    name: str, kind: str, filename: str, sha256: str, published: tuple[Published, ...] = ()
) -> DetectorCard:
    return DetectorCard(
        name=f"tv_{name}",
        summary=f"torchvision's {kind} of 18 layers on 16 frames, from Kinetics-400",
        target=f"dfbench_torchvision3d.networks:{name}",
        methods=(),
        paper="Tran et al., A Closer Look at Spatiotemporal Convolutions for Action Recognition, "
        "CVPR 2018",
        year=2018,
        licence="Apache-2.0 (this code); BSD-3-Clause (torchvision and its weights)",
        clip=_CLIP,
        recipe=_RECIPE,
        options={"width": 1.0, "frames": 16, "size": 112, "classes": "unknown"},
        weights=(
            WeightsFile(
                name="kinetics-400",
                filename=filename,
                summary="trained on Kinetics-400 by the torchvision team",
                url=_SITE + filename,
                sha256=sha256,
                licence="BSD-3-Clause",
            ),
        ),
        published=published,
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        _card("r3d18", "3D ResNet", "r3d_18-b3b3357e.pth", "b3b3357e", (_DE_LIMA,)),
        _card("mc3", "ResNet, 3D below and 2D above,", "mc3_18-a90a0ba3.pth", "a90a0ba3"),
        _card("r2plus1d", "R(2+1)D ResNet", "r2plus1d_18-91a641e6.pth", "91a641e6"),
    ]
