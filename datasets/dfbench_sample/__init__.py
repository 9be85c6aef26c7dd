"""The built-in datasets ``sample`` and ``sample-control``: drawn people, a known answer.

Nothing is downloaded and nobody depicted exists. ``warp`` fakes show in a single frame, ``flicker``
fakes only in the order of frames, and the fakes of ``sample-control`` not at all.
"""

from __future__ import annotations

from collections.abc import Iterable

import dfbench
from dfbench import DatasetCard

DEFAULT_QP = 23
"""H.264's quantiser, of all frames alike."""
OPTIONS = {"seed": 0, "qp": DEFAULT_QP}


@dfbench.hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    """Both cards share one folder: the control's real videos are the sample's."""
    return [
        DatasetCard(
            name="sample",
            summary="drawn people, one fake visible in a frame and one only in time; made here",
            target="dfbench_sample.records:sample",
            generate="dfbench_sample.generate:sample",
            folder="sample",
            licence="Apache-2.0",
            options=OPTIONS,
            counts={"real": 76, "fake": 152},
        ),
        DatasetCard(
            name="sample-control",
            summary="real videos of sample against themselves encoded again: the score is chance",
            target="dfbench_sample.records:control",
            generate="dfbench_sample.generate:control",
            folder="sample",
            licence="Apache-2.0",
            options=OPTIONS,
            counts={"real": 28, "fake": 56},
        ),
    ]
