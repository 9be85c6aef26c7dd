"""3D ResNets (Hara et al., CVPR 2018), the study's spatio-temporal detectors."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl

_PAGE = "https://github.com/kenshohara/3D-ResNets-PyTorch (Google Drive folders in its README)"
# The 2020 checkpoints' normalisation; a 2018 checkpoint brings its own when it is read.
_CLIP = ClipSpec(
    frames=16,
    size=112,
    margin=1.3,
    mean=(0.4345, 0.4051, 0.3775),
    std=(0.2768, 0.2713, 0.2737),
)
_PUBLISHED = {
    18: ("r3d18_K_200ep.pth", "resnet-18-kinetics.pth"),
    50: ("r3d50_K_200ep.pth", "resnet-50-kinetics.pth"),
    101: ("r3d101_K_200ep.pth", "resnet-101-kinetics.pth"),
}


def _card(depth: int, shortcut: str, batch_size: int) -> DetectorCard:
    files = zip(("kinetics-700", "kinetics-400"), _PUBLISHED[depth], strict=True)
    return DetectorCard(
        name=f"r3d{depth}",
        summary=f"3D ResNet-{depth} on 16 frames; Kinetics checkpoints of either generation",
        target=f"dfbench_resnet3d.networks:resnet{depth}",
        paper="Hara et al., Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and "
        "ImageNet?, CVPR 2018",
        year=2018,
        licence="Apache-2.0 (this code); MIT (checkpoints)",
        clip=_CLIP,
        recipe=Recipe(
            epochs=8, batch_size=batch_size, lr=1e-3, clips_per_video=4, patience=8,
            fine_tune="3", schedule="constant",
        ),
        options={"width": 1.0, "shortcut": shortcut, "generation": "auto", "classes": "unknown"},
        weights=tuple(
            WeightsFile(
                name=name,
                filename=filename,
                summary=f"trained on {name}",
                page=_PAGE,
                licence="MIT",
            )
            for name, filename in files
        ),
    )  # fmt: skip


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [_card(18, "B", 8), _card(50, "B", 16), _card(101, "B", 8)]
