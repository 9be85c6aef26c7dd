"""MesoNet: small frame-by-frame networks on mesoscopic image properties."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Recipe, WeightsFile, hookimpl

_SITE = "https://raw.githubusercontent.com/DariusAf/MesoNet/master/weights/"
_CLIP = ClipSpec(frames=1, size=256, margin=1.3, align="similarity")
_RECIPE = Recipe(epochs=6, batch_size=16, lr=1e-3, clips_per_video=4, patience=4)


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
            paper=paper,
            year=2018,
            licence="Apache-2.0",
            clip=_CLIP,
            recipe=_RECIPE,
            weights=(
                _official(
                    "official-df", "Meso4_DF.h5", 156128,
                    "036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5",
                ),
                _official(
                    "official-f2f", "Meso4_F2F.h5", 156128,
                    "bcfda015d217b9f8d6557693edbdf9f4e79cfd22672541968dd0e2954462b5d7",
                ),
            ),
        ),
        DetectorCard(
            name="mesoinception4",
            summary="MesoInception-4: MesoNet with two inception blocks of dilated convolutions",
            target="dfbench_mesonet.networks:MesoInception4",
            paper=paper,
            year=2018,
            licence="Apache-2.0",
            clip=_CLIP,
            recipe=_RECIPE,
            weights=(
                _official(
                    "official-df", "MesoInception_DF.h5", 197504,
                    "234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa",
                ),
                _official(
                    "official-f2f", "MesoInception_F2F.h5", 197504,
                    "d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f",
                ),
            ),
        ),
    ]  # fmt: skip
