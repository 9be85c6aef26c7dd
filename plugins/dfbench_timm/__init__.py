"""Frame detectors on networks of the library timm: the baselines every comparison has."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_RELEASES = "https://github.com/huggingface/pytorch-image-models/releases/download/"
_HALF = (0.5, 0.5, 0.5)


def _published(source: str, train: str, initial: str, **values: float) -> tuple[Published, ...]:
    """Frame AUC on the three usual test sets."""
    tests = {"ffpp": "FF++ c23", "celebdf": "Celeb-DF v2", "dfdc": "DFDC"}
    return tuple(
        Published(
            source=source,
            train=train,
            test=tests[name],
            level="frame",
            metric="auc",
            value=value,
            initial=initial,
        )
        for name, value in values.items()
    )


def _xception() -> DetectorCard:
    return DetectorCard(
        name="xception",
        summary="Xception on single frames, the baseline of FaceForensics++",
        target="dfbench_timm.xception:Xception",
        methods=(),
        paper="Rössler et al., FaceForensics++: Learning to Detect Manipulated Facial Images, "
        "ICCV 2019; network: Chollet, CVPR 2017",
        year=2019,
        licence="Apache-2.0",
        clip=ClipSpec(frames=1, size=299, margin=1.3, mean=_HALF, std=_HALF),
        # The paper trains the new head alone for three epochs first; one phase is all there is.
        recipe=Recipe(
            epochs=15, batch_size=32, lr=2e-4, patience=15, augment="none", weights="imagenet"
        ),
        options={"size": 299, "width": 1.0, "classes": "unknown"},
        weights=(
            WeightsFile(
                name="imagenet",
                filename="xception-43020ad28.pth",
                summary="ImageNet; converted from Keras, as timm distributes it",
                url=_RELEASES + "v0.1-cadene/xception-43020ad28.pth",
                sha256="43020ad28",
                licence="Apache-2.0",
            ),
            WeightsFile(
                name="imagenet-2017",
                filename="xception-b5690688.pth",
                summary="ImageNet; the file that FaceForensics++ and DeepfakeBench started from",
                url="http://data.lip6.fr/cadene/pretrainedmodels/xception-b5690688.pth",
                sha256="b5690688",
            ),
        ),
        published=(
            *_published(
                "deepfakebench-2023",
                "FF++ c23",
                "ImageNet",
                ffpp=0.9637,
                celebdf=0.7365,
                dfdc=0.7077,
            ),
            # There it is called Xception-c23: the authors' network, trained on FF++ c23.
            *_published("celeb-df-2020", "official weights", "", dfdc=0.722, celebdf=0.653),
        ),
    )


def _efficientnet() -> DetectorCard:
    return DetectorCard(
        name="efficientnet_b4",
        summary="EfficientNet-B4 on single frames",
        target="dfbench_timm.efficientnet:EfficientNetB4",
        methods=(),
        paper="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural "
        "Networks, ICML 2019",
        year=2019,
        licence="Apache-2.0",
        clip=ClipSpec(
            frames=1, size=380, margin=1.3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        ),
        # As in DeepfakeBench (2023), whose numbers are quoted below.
        recipe=Recipe(
            epochs=10,
            batch_size=32,
            lr=2e-4,
            weight_decay=5e-4,
            patience=10,
            augment="strong",
            weights="imagenet",
        ),
        options={"size": 380, "width": 1.0, "variant": "timm", "classes": "unknown"},
        weights=(
            WeightsFile(
                name="imagenet",
                filename="efficientnet_b4_ra2_320-7eb33cd5.pth",
                summary="ImageNet; timm's own training (ra2_in1k)",
                url=_RELEASES + "v0.1-weights/efficientnet_b4_ra2_320-7eb33cd5.pth",
                sha256="7eb33cd5",
                licence="Apache-2.0",
            ),
            WeightsFile(
                name="imagenet-tf",
                filename="efficientnet-b4-6ed6700e.pth",
                summary="ImageNet; Google's, by efficientnet_pytorch; for variant=tf",
                url="https://github.com/lukemelas/EfficientNet-PyTorch/releases/download/1.0/"
                "efficientnet-b4-6ed6700e.pth",
                sha256="6ed6700e",
                licence="Apache-2.0",
            ),
        ),
        published=_published(
            "deepfakebench-2023", "FF++ c23", "ImageNet", ffpp=0.9567, celebdf=0.7487, dfdc=0.6955
        ),
    )


def _clip_linear() -> DetectorCard:
    # The commit that this file was published with; the branch has changed its files since.
    folder = (
        "https://huggingface.co/timm/vit_large_patch14_clip_224.openai/resolve/"
        "46ce2a809729f52bd4ecbcb20e97a78d81ff0e45/"
    )
    return DetectorCard(
        name="clip_linear",
        summary="CLIP's image tower ViT-L/14, frozen, and a linear layer, on single frames",
        target="dfbench_timm.clip:ClipLinear",
        methods=(),
        paper="Ojha et al., Towards Universal Fake Image Detectors that Generalize Across "
        "Generative Models, CVPR 2023",
        year=2023,
        licence="Apache-2.0 (this code); MIT (CLIP's weights)",
        clip=ClipSpec(
            frames=1,
            size=224,
            margin=1.3,
            mean=(0.48145466, 0.4578275, 0.40821073),
            std=(0.26862954, 0.26130258, 0.27577711),
        ),
        recipe=Recipe(
            epochs=100, batch_size=256, lr=1e-4, patience=5, fine_tune="head", weights="clip"
        ),
        options={
            "size": 224,
            "tower": "vit_large_patch14_clip_quickgelu_224.openai",
            "classes": "unknown",
        },
        weights=(
            WeightsFile(
                name="clip",
                filename="clip-vit-large-patch14.bin",
                summary="OpenAI's CLIP ViT-L/14, its text tower left out on reading",
                url=folder + "pytorch_model.bin",
                licence="MIT",
            ),
        ),
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [_xception(), _efficientnet(), _clip_linear()]
