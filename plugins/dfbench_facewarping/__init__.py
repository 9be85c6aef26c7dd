"""Face-warping artifacts (Li & Lyu 2019): detectors that never see a deepfake in training."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_PAPER = (
    "Li and Lyu, Exposing DeepFake Videos By Detecting Face Warping Artifacts, CVPR Workshops 2019"
)
# The authors' networks saw BGR in 0..255 minus [103.939, 116.779, 123.68], undivided; in RGB and
# units of 0..1 that is this mean and a deviation of 1/255.
_CLIP = ClipSpec(
    frames=1,
    size=224,
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
)
_RECIPE = Recipe(
    epochs=20,
    batch_size=64,
    lr=1e-3,
    optimizer="sgd",
    momentum=0.0,
    schedule="step",
    decay=0.95,
    patience=20,
    augment="own",
    weights="imagenet",
)
_TORCHVISION = "https://download.pytorch.org/models/"


def _imagenet(trunk: str, digits: str, name: str = "") -> WeightsFile:
    return WeightsFile(
        name=name or f"imagenet-{trunk}",
        filename=f"{trunk}-{digits}.pth",
        summary=f"torchvision's {trunk}, trained on ImageNet; the head starts fresh",
        url=f"{_TORCHVISION}{trunk}-{digits}.pth",
        sha256=digits,
        licence="BSD-3-Clause",
    )


_OFFICIAL = WeightsFile(
    name="official",
    filename="SPP-res50.pth",
    summary="the authors' ResNet-50 with spatial pyramid; of its two classes the first is fake",
    page="https://github.com/yuezunli/DSP-FWA (Google Drive link in its README)",
    licence="non-commercial use only",
)
_RESNETS = (
    _imagenet("resnet18", "f37072fd"),
    _imagenet("resnet34", "b627a593"),
    _imagenet("resnet101", "63fe2227"),
    _imagenet("resnet152", "394f9c45"),
)


def _zero_shot(**aucs: float) -> tuple[Published, ...]:
    """Frame AUCs of the authors' weights in the Celeb-DF paper."""
    tests = {"ff_df": "FF-DF", "dfdc": "DFDC", "celeb_df": "Celeb-DF v2"}
    return tuple(
        Published(
            source="celeb-df-2020",
            train="official weights",
            test=tests[key],
            level="frame",
            metric="auc",
            value=value,
        )
        for key, value in aucs.items()
    )


def _study(**values: float) -> tuple[Published, ...]:
    """The authors' weights in the root study."""
    return tuple(
        Published(
            source="spatiotemporal-2021",
            train="official weights",
            test="DFDC",
            level="video",
            metric=metric,
            value=value,
        )
        for metric, value in values.items()
    )


def _deepfakebench(test: str, value: float) -> Published:
    return Published(
        source="deepfakebench-2023",
        train="FF++ c23",
        test=test,
        level="frame",
        metric="auc",
        value=value,
        initial="Xception trunk",
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        DetectorCard(
            name="fwa",
            summary="face-warping artifacts on a ResNet-50; trained on real videos alone",
            target="dfbench_facewarping.networks:FaceWarping",
            methods=("training_clips",),
            paper=_PAPER,
            year=2019,
            licence="Apache-2.0",
            clip=_CLIP,
            aggregate="top-third",
            recipe=_RECIPE,
            options={
                "trunk": "resnet50",
                "size": 224,
                "landmarks": 5,
                "views": 10,
                "classes": "fake-real",
            },
            weights=(
                _imagenet("resnet50", "0676ba61", "imagenet"),
                _imagenet("vgg16", "397923af"),
                *_RESNETS,
            ),
            published=(
                *_study(accuracy=0.69, precision=0.82, recall=0.79, f1=0.80, auc=0.588),
                *_zero_shot(ff_df=0.801, dfdc=0.727, celeb_df=0.569),
                _deepfakebench("FF++ c23", 0.8765),
                _deepfakebench("Celeb-DF v2", 0.6680),
                _deepfakebench("DFDC", 0.6132),
            ),
        ),
        DetectorCard(
            name="dsp_fwa",
            summary="face-warping artifacts with a spatial pyramid; trained on real videos alone",
            target="dfbench_facewarping.networks:SpatialPyramidFaceWarping",
            methods=("training_clips",),
            paper=_PAPER,
            year=2019,
            licence="Apache-2.0 (this code); non-commercial (the authors' weights)",
            clip=_CLIP,
            aggregate="top-third",
            recipe=_RECIPE,
            options={"depth": 50, "size": 224, "landmarks": 5, "views": 10, "classes": "fake-real"},
            weights=(_OFFICIAL, _imagenet("resnet50", "0676ba61", "imagenet"), *_RESNETS),
            published=_zero_shot(ff_df=0.930, dfdc=0.755, celeb_df=0.646),
        ),
    ]
