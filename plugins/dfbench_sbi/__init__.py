"""Self-blended images (Shiohara & Yamasaki 2022): a detector trained on real videos alone."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"


def _published(test: str, value: float) -> Published:
    return Published(
        source="sbi-2022",
        train="FF++ raw",
        test=test,
        level="video",
        metric="auc",
        value=value,
        initial="ImageNet",
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="sbi",
            summary="EfficientNet-B4 on self-blended images; trained on real videos alone",
            target="dfbench_sbi.networks:SelfBlended",
            methods=("training_clips",),
            paper="Shiohara and Yamasaki, Detecting Deepfakes with Self-Blended Images, CVPR 2022",
            year=2022,
            licence="Apache-2.0 (this code); non-commercial research (the authors' weights)",
            clip=ClipSpec(
                frames=1,
                size=380,
                margin=1.25,
                mean=(0.485, 0.456, 0.406),
                std=(0.229, 0.224, 0.225),
            ),
            recipe=Recipe(
                epochs=100,
                batch_size=32,
                lr=1e-3,
                optimizer="sam",
                momentum=0.9,
                schedule="linear",
                decay=0.25,
                clips_per_video=8,
                patience=100,
                augment="own",
                weights="imagenet",
            ),
            options={
                "model": "efficientnet_b4",
                "size": 380,
                "landmarks": 5,
                "classes": "real-fake",
            },
            weights=(
                WeightsFile(
                    name="imagenet",
                    filename="efficientnet_b4_ra2_320-7eb33cd5.pth",
                    summary="timm's efficientnet_b4.ra2_in1k; the head starts fresh",
                    url=f"{_TIMM}efficientnet_b4_ra2_320-7eb33cd5.pth",
                    sha256="7eb33cd5",
                    licence="Apache-2.0",
                ),
                WeightsFile(
                    name="official",
                    filename="sbi.tar",
                    summary="the authors', trained on FF++ raw; for sbi:model=tf_efficientnet_b4",
                    page="https://github.com/mapooon/SelfBlendedImages (Google Drive link in its "
                    "README)",
                    licence="non-commercial research only",
                ),
            ),
            published=(_published("Celeb-DF v2", 0.9382), _published("DFDC", 0.7301)),
        )
    ]
