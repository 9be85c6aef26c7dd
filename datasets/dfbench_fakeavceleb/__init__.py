"""FakeAVCeleb: celebrities of VoxCeleb2 with faces, voices or both made."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="fakeavceleb",
            summary="FakeAVCeleb v1.2: 500 people, faces and voices swapped and lip-synced",
            target="dfbench_fakeavceleb.records:records",
            paper="Khalid et al., FakeAVCeleb: A Novel Audio-Video Multimodal Deepfake Dataset, "
            "NeurIPS 2021 Datasets and Benchmarks, arXiv:2108.05080",
            year=2021,
            licence="FakeAVCeleb terms of use: research, no redistribution",
            how_to_get="Ask for access by the form at github.com/DASH-Lab/FakeAVCeleb; the root "
            "holds RealVideo-RealAudio, RealVideo-FakeAudio, FakeVideo-RealAudio, "
            "FakeVideo-FakeAudio and meta_data.csv.",
            counts={"real": 1000, "fake": 20544},
        )
    ]
