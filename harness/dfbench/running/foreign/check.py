"""Somebody's scores held against a dataset: what does not fit is said, all of it at once, with
counts and examples; nothing is passed over in silence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from dfbench.catalogue.records import FAKE, REAL, Prediction, Split, Status, VideoRecord
from dfbench.errors import ResultError
from dfbench.running.foreign.doubts import doubts
from dfbench.running.foreign.matching import Matcher
from dfbench.running.foreign.score_file import EXAMPLES, Problems, ScoreFile, ScoreRow

_LABELS = {
    **dict.fromkeys(("0", "0.0", "real", "original", "false"), REAL),
    **dict.fromkeys(("1", "1.0", "fake", "deepfake", "true"), FAKE),
}
_SCORE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True)
class Reading:
    """How a file is meant.

    logits: its numbers are log-odds of fake, not P(fake). turned: they speak of real, not of fake.
    allow_unknown: rows of videos that the split does not have are left out, with a note.
    """

    logits: bool = False
    turned: bool = False
    allow_unknown: bool = False


@dataclass(frozen=True)
class Checked:
    """rows: one for every clip of the split's videos, in the order of the records, also for those
    without a score. warnings: what makes the file doubtful. notes: how it was read."""

    rows: list[Prediction]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def check_scores(
    file: ScoreFile,
    records: Sequence[VideoRecord],
    dataset: str,
    split: Split = "test",
    reading: Reading = Reading(),
) -> Checked:
    """The file as rows of ``predictions.csv`` for one split of the dataset ``records``.

    Raises ResultError that lists, each with its count and the first lines: values that are lacking,
    videos that are unknown, not of the split, or could be several, labels that disagree, the same
    clip twice, and scores that are no numbers or not in 0..1.
    """
    problems = Problems()
    found = _matched(file, records, split, reading, problems)
    _check_labels(found, problems)
    scored = [
        Prediction(
            dataset,
            record.id,
            clip,
            int(row.start_frame) if row.start_frame else None,
            record.label,
            (score := _score(row, reading, problems)),
            record.method,
            record.group,
            _status(row, score),
        )
        for record, clip, row in _numbered(found, problems)
    ]
    if lines := [*_short(file), *problems.lines()]:
        raise ResultError(f"{file.path} does not fit {dataset}: {'; '.join(lines)}")
    rows = list(_complete(scored, [r for r in records if r.split == split], dataset))
    if not any(row.score is not None for row in rows):
        raise ResultError(f"{file.path} has no score of any {split} video of {dataset}")
    warnings = doubts(rows)
    if reading.logits and all(0 <= float(row.score) <= 1 for _, row in found if row.score):
        warnings.append("all numbers lie in 0..1: they look like probabilities, not like --logits")
    return Checked(rows, tuple(warnings), (*file.notes, *problems.left_out()))


Found = tuple[VideoRecord, ScoreRow]


def _short(file: ScoreFile) -> list[str]:
    lines = ", ".join(map(str, file.short[:EXAMPLES]))
    return [f"{len(file.short)} lines lack a value (line {lines})"] if file.short else []


def _matched(
    file: ScoreFile,
    records: Sequence[VideoRecord],
    split: Split,
    reading: Reading,
    problems: Problems,
) -> list[Found]:
    """Each row with its video, where that is one of the split."""
    matcher, matched = Matcher(records), []
    for row in file.rows:
        found = matcher.find(row.video, row.method)
        if len(found) > 1:
            ids = " or ".join(record.id for record in found[:2])
            problems.add("rows name a video that could be several", row, f"{row.video}, {ids}")
        elif found and found[0].split == split:
            matched.append((found[0], row))
        else:
            what = f"are of {found[0].split} videos" if found else "are of unknown videos"
            problems.lost[what] += 1
            if not reading.allow_unknown:
                # Looking for near ones takes long where there are many videos.
                few = not found and problems.lost[what] <= EXAMPLES
                near = " or ".join(matcher.near(row.video)) if few else ""
                hint = f"{row.video}, perhaps {near}" if near else row.video
                problems.add(f"rows {what}, --allow-unknown leaves them out", row, hint)
    return matched


def _check_labels(found: Sequence[Found], problems: Problems) -> None:
    """A label is compared and no more: the dataset's own counts."""
    wrong = []
    for record, row in found:
        label = _LABELS.get(row.label.lower())
        if row.label and label is None:
            problems.add("labels are none of 0, 1, real, fake", row, repr(row.label))
        elif label == 1 - record.label:
            wrong.append((record, row))
    labelled = sum(bool(row.label) for _, row in found)
    what = f"of {labelled} labels disagree with the dataset"
    if len(wrong) > labelled / 2:
        what += ": they are turned, 1 must be fake and 0 real; are the scores turned as well?"
    for record, row in wrong:
        problems.add(what, row, f"{row.video} is {'fake' if record.label == FAKE else 'real'}")


def _numbered(
    found: Sequence[Found], problems: Problems
) -> list[tuple[VideoRecord, int, ScoreRow]]:
    """Each row with the number of its clip: as given, else counted within the video where frames
    are told apart by ``start_frame``."""
    numbered, seen, counted = [], set(), Counter[str]()
    for record, row in found:
        given = row.clip or row.start_frame or "0"
        if not all(_WHOLE.fullmatch(text) for text in (given, row.start_frame or "0")):
            problems.add("clips or frames are no numbers", row, repr(row.clip or row.start_frame))
        elif (record.id, int(given)) in seen:
            problems.add(
                "rows are duplicates of a video, or of a clip of it, that stands before; "
                "several scores of a video need a column clip or frame",
                row,
            )
        else:
            seen.add((record.id, int(given)))
            numbered.append((record, int(row.clip) if row.clip else counted[record.id], row))
            counted[record.id] += 1
    return numbered


def _score(row: ScoreRow, reading: Reading, problems: Problems) -> float | None:
    """P(fake), or None where the file leaves it empty or it is none."""
    if not row.score:
        return None
    if not _SCORE.fullmatch(row.score) or not math.isfinite(float(row.score)):
        problems.add("scores are no numbers", row, repr(row.score))
        return None
    score = float(row.score)
    if reading.logits:
        return float(np.exp(-np.logaddexp(0.0, score if reading.turned else -score)))
    if not 0 <= score <= 1:
        problems.add("scores are not in 0..1, --logits if they are log-odds", row, row.score)
        return None
    return 1 - score if reading.turned else score


def _status(row: ScoreRow, score: float | None) -> Status:
    if score is not None:
        return "ok"
    told = {status: status for status in get_args(Status) if status != "ok"}
    found: Status = told.get(row.status, "missing")
    return found


def _complete(
    scored: Sequence[Prediction], records: Sequence[VideoRecord], dataset: str
) -> list[Prediction]:
    """The rows in the order of the records and clips, one put in for each video that has none."""
    by_id: dict[str, list[Prediction]] = {record.id: [] for record in records}
    for row in scored:
        by_id[row.video].append(row)
    rows = []
    for record in records:
        rows += sorted(by_id[record.id], key=lambda row: row.clip) or [
            Prediction(
                dataset,
                record.id,
                0,
                None,
                record.label,
                None,
                record.method,
                record.group,
                "missing",
            )
        ]
    return rows
