"""Celeb-DF, versions 1 and 2: celebrities swapped with one another."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl

PAPER = (
    "Li et al., Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics, CVPR 2020, "
    "arXiv:1909.12962"
)
HOW = (
    "Ask for access by the form at github.com/yuezunli/celeb-deepfakeforensics; the root holds "
    "Celeb-real, YouTube-real, Celeb-synthesis and List_of_testing_videos.txt."
)
LICENCE = "Celeb-DF terms of use: research, no redistribution"


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="celebdf",
            summary="Celeb-DF v2: 890 real videos, 5,639 swaps of 59 celebrities",
            target="dfbench_celebdf.records:records",
            paper=PAPER,
            year=2020,
            licence=LICENCE,
            options={"strict": False},
            how_to_get=HOW,
            counts={"real": 890, "fake": 5639, "test/real": 178, "test/fake": 340},
            overlap="the official test list was drawn by video, so its 56 people, and up to 272 of "
            "the 590 Celeb-real videos (as themselves or as the original of a fake), are on both "
            "sides; strict=true keeps the originals apart, not the people",
        ),
        DatasetCard(
            name="celebdf-v1",
            summary="Celeb-DF v1: 408 real videos, 795 swaps of 13 celebrities",
            target="dfbench_celebdf.records:records",
            paper=PAPER,
            year=2019,
            licence=LICENCE,
            options={"strict": False},
            how_to_get=HOW,
            counts={"real": 408, "fake": 795},
            overlap="the official test list was drawn by video, so its people and the originals of "
            "fakes are on both sides; strict=true keeps the originals apart, not the people",
        ),
    ]
