"""What a dataset says of the videos that a run was tested on: which they are, and which are fake.

A result carries it as a digest, made from the dataset's own records. Scores whose labels were
turned, or from which a video was taken, no longer give it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from dfbench.catalogue.records import Prediction, VideoRecord

Told = tuple[str, int, str | None, str]
"""Video id, label, method and group."""


def truth_of_records(records: Iterable[VideoRecord]) -> str:
    """16 hex digits for which videos there are and which are fake, as the dataset says it. records:
    of the test split."""
    return _digest((r.id, r.label, r.method, r.group) for r in records)


def truth_of_rows(rows: Sequence[Prediction]) -> str:
    """The same digest, as the scores say it: equal where nothing was taken out or turned."""
    return _digest({(r.video, r.label, r.method, r.group) for r in rows})


def _digest(told: Iterable[Told]) -> str:
    """First 16 hex digits of the sha256 over the videos in the order of their names."""
    lines = sorted([video, label, method or "", group] for video, label, method, group in told)
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:16]
