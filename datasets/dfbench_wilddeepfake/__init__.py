"""WildDeepfake: face sequences cut out of videos that were found on the internet."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="wilddeepfake",
            summary="WildDeepfake: 7,314 face sequences from 707 videos of the internet",
            target="dfbench_wilddeepfake.records:records",
            paper="Zi et al., WildDeepfake: A Challenging Real-World Dataset for Deepfake "
            "Detection, ACM MM 2020, arXiv:2101.01456",
            year=2020,
            licence="WildDeepfake agreement: research, no redistribution",
            how_to_get="Sign the agreement at github.com/OpenTAI/wild-deepfake; the root holds "
            "real_train, real_test, fake_train and fake_test, with the archives in them unpacked.",
            counts={"real": 3805, "fake": 3509},
            faces="center",  # the pictures are cut to the face
        )
    ]
