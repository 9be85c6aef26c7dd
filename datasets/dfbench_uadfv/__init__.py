"""UADFV: 49 real videos and a fake of each."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="uadfv",
            summary="UADFV: 49 real videos and a FakeApp swap of each",
            target="dfbench_uadfv.records:records",
            paper="Yang, Li and Lyu, Exposing Deep Fakes Using Inconsistent Head Poses, ICASSP "
            "2019, arXiv:1811.00661",
            year=2019,
            licence="none stated: research use, ask the authors",
            how_to_get="Ask the authors (Li, Chang and Lyu's page of In Ictu Oculi, 2018, links to "
            "it); the root holds real/ (0000.mp4 …) and fake/ (0000_fake.mp4 …).",
            counts={"real": 49, "fake": 49},
        )
    ]
