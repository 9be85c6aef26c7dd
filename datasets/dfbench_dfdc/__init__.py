"""DFDC, the Deepfake Detection Challenge dataset."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="dfdc",
            summary="Deepfake Detection Challenge, main set: 119,154 videos in 50 parts",
            target="dfbench_dfdc.records:records",
            paper="Dolhansky et al., The DeepFake Detection Challenge (DFDC) Dataset, 2020",
            year=2020,
            licence="DFDC terms: research use, no redistribution",
            how_to_get="Ask for access at ai.meta.com/datasets/dfdc or on Kaggle "
            "(deepfake-detection-challenge); the root holds dfdc_train_part_0 … 49, or is one "
            "part, or Kaggle's train_sample_videos.",
            counts={"real": 19154, "fake": 100000},
        )
    ]
