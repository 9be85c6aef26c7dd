"""DFDC, the Deepfake Detection Challenge dataset, and its preview."""

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
            options={"test": "parts"},
            how_to_get="Ask for access at ai.meta.com/datasets/dfdc or on Kaggle "
            "(deepfake-detection-challenge); the root holds dfdc_train_part_0 … 49 (or train/ with "
            "them), or is one part, or Kaggle's train_sample_videos; dfdc:test=official takes the "
            "official test set (labels.csv and its videos) from a folder of the root.",
            counts={"real": 19154, "fake": 100000},
        ),
        DatasetCard(
            name="dfdc-preview",
            summary="Deepfake Detection Challenge, preview: 5,244 videos, two methods",
            target="dfbench_dfdc.preview:records",
            paper="Dolhansky et al., The Deepfake Detection Challenge (DFDC) Preview Dataset, "
            "2019, arXiv:1910.08854",
            year=2019,
            licence="DFDC terms: research use, no redistribution",
            how_to_get="Ask for access at ai.meta.com/datasets/dfdc; the root is "
            "dfdc_preview_set, which holds dataset.json.",
            counts={"real": 1131, "fake": 4113},
            overlap="validation is cut from the official training set by the person filmed, so a "
            "person whose face was put into a video may be on both sides",
        ),
    ]
