"""3D ResNets (Hara et al., CVPR 2018), the study's spatio-temporal detectors."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_PAGE_2018 = "https://drive.google.com/drive/folders/1zvl89AgFAApbH0At-gMuZSeQB_LpNP-M"
_PAGE_2020 = "https://drive.google.com/open?id=1xbYbZ7rpyjftI_KCk6YuL-XrfQDz7Yd4"
# The 2020 checkpoints' normalisation; a 2018 checkpoint brings its own when it is read.
_CLIP = ClipSpec(
    frames=16, size=112, margin=1.3, mean=(0.4345, 0.4051, 0.3775), std=(0.2768, 0.2713, 0.2737)
)
# The letters in the names of the 2020 files, and what they were trained on.
_SETS = {
    "K": ("kinetics-700", "Kinetics-700"),
    "KM": ("kinetics-700-moments", "Kinetics-700 and Moments in Time, 1039 classes"),
    "KMS": (
        "kinetics-700-moments-stair",
        "Kinetics-700, Moments in Time and STAIR-Actions, 1139 classes",
    ),
    "KS": ("kinetics-700-stair", "Kinetics-700 and STAIR-Actions, 800 classes"),
    "M": ("moments", "Moments in Time, 339 classes"),
    "MS": ("moments-stair", "Moments in Time and STAIR-Actions, 439 classes"),
    "S": ("stair", "STAIR-Actions, 100 classes"),
}
# The root study's table: trained and tested on DFDC, accuracy, precision, recall, F1 of videos.
_STUDY = {50: (0.84, 0.82, 0.90, 0.86), 101: (0.85, 0.86, 0.98, 0.92)}


def _weights(depth: int) -> tuple[WeightsFile, ...]:
    merged = tuple(_SETS) if depth == 50 else ("K", "KM")
    shortcut = f" (for r3d{depth}:shortcut=A)" if depth < 50 else ""
    files = [(*_SETS[s], f"r3d{depth}_{s}_200ep.pth", _PAGE_2020) for s in merged]
    files.append(
        ("kinetics-400", f"Kinetics-400{shortcut}", f"resnet-{depth}-kinetics.pth", _PAGE_2018)
    )
    return tuple(
        WeightsFile(
            name=name, filename=file, summary=f"trained on {what}", page=page, licence="MIT"
        )
        for name, what, file, page in files
    )


def _published(depth: int) -> tuple[Published, ...]:
    return tuple(
        Published(
            source="spatiotemporal-2021",
            train="DFDC",
            test="DFDC",
            level="video",
            metric=metric,
            value=value,
            initial="Kinetics",
        )
        for metric, value in zip(
            ("accuracy", "precision", "recall", "f1"), _STUDY.get(depth, ()), strict=False
        )
    )


def _card(depth: int, batch_size: int) -> DetectorCard:
    return DetectorCard(
        name=f"r3d{depth}",
        summary=f"3D ResNet-{depth} on 16 frames; Kinetics checkpoints of either generation",
        target=f"dfbench_resnet3d.networks:resnet{depth}",
        methods=(),
        paper="Hara et al., Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and "
        "ImageNet?, CVPR 2018",
        year=2018,
        licence="Apache-2.0 (this code); MIT (checkpoints)",
        clip=_CLIP,
        recipe=Recipe(
            epochs=8,
            batch_size=batch_size,
            lr=1e-3,
            clips_per_video=4,
            patience=8,
            fine_tune="3",
            schedule="constant",
        ),
        options={
            "width": 1.0,
            "frames": 16,
            "size": 112,
            "shortcut": "B",
            "generation": "auto",
            "classes": "unknown",
        },
        weights=_weights(depth),
        published=_published(depth),
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    batches = {18: 8, 34: 8, 50: 16, 101: 8, 152: 8, 200: 8}
    return [_card(depth, size) for depth, size in batches.items()]
