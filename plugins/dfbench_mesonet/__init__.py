"""MesoNet: small frame-by-frame networks on mesoscopic image properties."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, WeightsFile, hookimpl

_SITE = "https://raw.githubusercontent.com/DariusAf/MesoNet/master/weights/"
_CLIP = ClipSpec(frames=1, size=256, margin=1.3, align="similarity")
# The paper's (section IV-B), with mean squared error on the sigmoid and its own augmentation in
# ``networks``; a smaller batch than its 75 makes enough steps of a dataset of hundreds of videos.
# Few epochs of many frames: of many short ones a small validation set may pick a lucky early one.
_RECIPE = Recipe(
    epochs=4,
    batch_size=16,
    lr=1e-3,
    schedule="step",
    decay=0.1,
    decay_steps=1000,
    lr_floor=1e-6,
    augment="own",
    clips_per_video=8,
    patience=4,
)
# The root study's MesoNet, which it does not call by its number.
_STUDY = tuple(
    Published(
        source="spatiotemporal-2021",
        train="DFDC",
        test="DFDC",
        level="video",
        metric=metric,
        value=value,
    )
    for metric, value in (("accuracy", 0.78), ("precision", 0.84), ("recall", 0.88), ("f1", 0.86))
)


def _quoted(zero_shot: tuple[float, ...], ffpp: tuple[float, ...]) -> tuple[Published, ...]:
    """Frame AUC: the authors' weights in the Celeb-DF paper, and DeepfakeBench's training."""
    rows = (
        ("celeb-df-2020", "official weights", ("FF-DF", "DFDC", "Celeb-DF v2"), zero_shot),
        ("deepfakebench-2023", "FF++ c23", ("FF++ c23", "Celeb-DF v2", "DFDC"), ffpp),
    )
    return tuple(
        Published(source=source, train=train, test=test, level="frame", metric="auc", value=value)
        for source, train, tests, values in rows
        for test, value in zip(tests, values, strict=True)
    )


def _official(name: str, filename: str, size: int, sha256: str) -> WeightsFile:
    return WeightsFile(
        name=name,
        filename=filename,
        summary="the authors' weights; their P(real) is turned into P(fake) on reading",
        url=_SITE + filename,
        sha256=sha256,
        size=size,
        licence="Apache-2.0",
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    paper = "Afchar et al., MesoNet: a Compact Facial Video Forgery Detection Network, WIFS 2018"
    return [
        DetectorCard(
            name="meso4",
            summary="MesoNet-4: four convolutions, 28 thousand weights, frame by frame",
            target="dfbench_mesonet.networks:Meso4",
            methods=(),
            paper=paper,
            year=2018,
            licence="Apache-2.0",
            clip=_CLIP,
            recipe=_RECIPE,
            weights=(
                _official(
                    "official-df",
                    "Meso4_DF.h5",
                    156128,
                    "036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5",
                ),
                _official(
                    "official-f2f",
                    "Meso4_F2F.h5",
                    156128,
                    "bcfda015d217b9f8d6557693edbdf9f4e79cfd22672541968dd0e2954462b5d7",
                ),
            ),
            published=(*_STUDY, *_quoted((0.847, 0.753, 0.548), (0.6077, 0.6091, 0.5560))),
        ),
        DetectorCard(
            name="mesoinception4",
            summary="MesoInception-4: MesoNet with two inception blocks of dilated convolutions",
            target="dfbench_mesonet.networks:MesoInception4",
            methods=(),
            paper=paper,
            year=2018,
            licence="Apache-2.0",
            clip=_CLIP,
            recipe=_RECIPE,
            weights=(
                _official(
                    "official-df",
                    "MesoInception_DF.h5",
                    197504,
                    "234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa",
                ),
                _official(
                    "official-f2f",
                    "MesoInception_F2F.h5",
                    197504,
                    "d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f",
                ),
            ),
            published=_quoted((0.830, 0.732, 0.536), (0.7583, 0.6966, 0.6226)),
        ),
    ]
