"""DeeperForensics-1.0."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="deeperforensics",
            summary="DeeperForensics-1.0: 100 actors put into FaceForensics++'s 1,000 clips",
            target="dfbench_deeperforensics.records:records",
            paper="Jiang et al., DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face "
            "Forgery Detection, CVPR 2020, arXiv:2001.03024",
            year=2020,
            licence="DeeperForensics-1.0 terms of use: research, no redistribution",
            options={"methods": "end_to_end", "compression": "c23"},
            how_to_get="Ask for access by the form at github.com/EndlessSora/DeeperForensics-1.0, "
            "dataset/README.md; the root holds manipulated_videos and lists. Its real videos are "
            "FaceForensics++'s, which is asked for at github.com/ondyari/FaceForensics: put "
            "original_sequences into the root, or FaceForensics++ beside it.",
            counts={
                "real": 1000,
                "fake": 1000,
                "train/real": 703,
                "train/fake": 703,
                "val/real": 96,
                "val/fake": 96,
                "test/real": 201,
                "test/fake": 201,
            },
        )
    ]
