"""FaceForensics++, and the DeepFakeDetection set (DFD) that is given out with it."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl

LICENCE = "FaceForensics terms of use: research and education, no redistribution"
ACCESS = (
    "Ask for access by the form at github.com/ondyari/FaceForensics and run the script you are "
    "sent with -t videos and the compression you want; "
)


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="ffpp",
            summary="FaceForensics++: 1,000 YouTube clips and 1,000 fakes by each method",
            target="dfbench_ffpp.records:records",
            paper="Rössler et al., FaceForensics++: Learning to Detect Manipulated Facial Images, "
            "ICCV 2019, arXiv:1901.08971",
            year=2019,
            licence=LICENCE,
            options={
                "compression": "c23",
                "methods": "Deepfakes+Face2Face+FaceSwap+NeuralTextures",
            },
            how_to_get=ACCESS + "the root holds original_sequences and manipulated_sequences. The "
            "split lists train.json, val.json and test.json are in that repository's "
            "dataset/splits: put them into the root.",
            counts={
                "real": 1000,
                "fake": 4000,
                "train/real": 720,
                "train/fake": 2880,
                "val/real": 140,
                "val/fake": 560,
                "test/real": 140,
                "test/fake": 560,
            },
            overlap="of the 977 YouTube videos that the clips were cut from, 7 have clips in two "
            "of the official splits, and public figures recur: the 1,000 clips show about 885 "
            "people",
        ),
        DatasetCard(
            name="dfd",
            summary="DeepFakeDetection (Google and Jigsaw): 28 actors swapped in 16 scenes",
            target="dfbench_ffpp.dfd:records",
            paper="Dufour and Gully, Contributing Data to Deepfake Detection Research, Google AI "
            "Blog, 2019",
            year=2019,
            licence=LICENCE,
            options={"compression": "c23"},
            how_to_get=ACCESS + "the root holds original_sequences/actors and "
            "manipulated_sequences/DeepFakeDetection.",
            counts={"real": 363, "fake": 3068},
        ),
    ]
