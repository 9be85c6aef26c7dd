"""Somebody's scores held against a dataset: what does not fit is said, all of it at once, with
counts and examples; nothing is passed over in silence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import get_args

import numpy as np

from dfbench.errors import ResultError
from dfbench.evaluate.matching import Matcher
from dfbench.evaluate.score_file import ScoreFile, ScoreRow
from dfbench.records import FAKE, REAL, Prediction, Split, Status, VideoRecord

_LABELS = {
    **dict.fromkeys(("0", "0.0", "real", "original", "false"), REAL),
    **dict.fromkeys(("1", "1.0", "fake", "deepfake", "true"), FAKE),
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_EXAMPLES = 3


@dataclass(frozen=True)
class Reading:
    """How the numbers of a file are meant.

    logits: they are log-odds of fake, not 0..1. turned: they are P(real). allow_unknown: videos
    that the split does not have are left out, with a note.
    """

    logits: bool = False
    turned: bool = False
    allow_unknown: bool = False


@dataclass
class Checked:
    """rows: a row for every clip of the split's videos, in the order of the records, those
    without a score included. warnings: what makes the file doubtful. notes: how it was read."""

    rows: list[Prediction] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Table:
    """Problems by what they are: the examples, in the order of the file."""

    problems: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, row: ScoreRow, detail: str = "") -> None:
        self.problems.setdefault(what, []).append(f"line {row.line}: {detail or row.video}")

    def lines(self) -> list[str]:
        return [
            f"{len(found)} {what} ({'; '.join(found[:_EXAMPLES])}{'; …' * (len(found) > _EXAMPLES)})"
            for what, found in self.problems.items()
        ]


Scored = tuple[VideoRecord, ScoreRow]


def check_scores(
    file: ScoreFile,
    records: Sequence[VideoRecord],
    dataset: str,
    split: Split = "test",
    reading: Reading = Reading(),  # noqa: B008 - frozen
) -> Checked:
    """The file as rows of ``predictions.csv`` for one split of the dataset ``records``.

    Raises ResultError that lists, with counts and the first lines: values that are lacking, videos
    that are unknown, not of the split, or could be several, labels that disagree, the same clip
    twice, and scores that are no numbers or not in 0..1.
    """
    table = _Table()
    checked = Checked(notes=list(file.notes))
    found = _matched(file, records, split, table, reading.allow_unknown, checked)
    _check_labels(found, table)
    numbered = _numbered(found, table)
    scores = {id(row): _score(row, reading, table) for _, _, row in numbered}
    problems = [*_short(file), *table.lines()]
    if problems:
        raise ResultError(f"{file.path} does not fit {dataset}: {'; '.join(problems)}")
    wanted = [record for record in records if record.split == split]
    checked.rows = list(_rows(numbered, scores, wanted, dataset))
    _doubts(checked, reading)
    return checked


def _short(file: ScoreFile) -> list[str]:
    lines = ", ".join(map(str, file.short[:_EXAMPLES]))
    return [f"{len(file.short)} lines lack a value (line {lines})"] if file.short else []


def _matched(
    file: ScoreFile,
    records: Sequence[VideoRecord],
    split: Split,
    table: _Table,
    allow_unknown: bool,
    checked: Checked,
) -> list[Scored]:
    """Each row with its video, where that is one of the split."""
    matcher = Matcher(records)
    matched, lost = [], Counter[str]()
    for row in file.rows:
        found = matcher.find(row.video, row.method)
        if len(found) == 1 and found[0].split == split:
            matched.append((found[0], row))
            continue
        if len(found) > 1:
            ids = " or ".join(record.id for record in islice(found, 2))
            table.add("rows name a video that could be several", row, f"{row.video} is {ids}")
            continue
        what = f"are of videos of {found[0].split}" if found else "are of videos it does not have"
        lost[what] += 1
        if not allow_unknown:
            first = lost[what] <= _EXAMPLES  # looking for near ones takes long
            near = matcher.near(row.video) if first and not found else []
            hint = f"{row.video}, perhaps {' or '.join(near)}" if near else row.video
            table.add(f"rows {what} (--allow-unknown leaves them out)", row, hint)
    checked.notes += [f"left out: {number} rows {what}" for what, number in lost.items()]
    return matched


def _check_labels(found: Sequence[Scored], table: _Table) -> None:
    """A label is only ever compared: the dataset's own is used."""
    wrong = [(record, row) for record, row in found
             if row.label and _LABELS.get(row.label.lower()) == 1 - record.label]  # fmt: skip
    labelled = sum(bool(row.label) for _, row in found)
    turned = len(wrong) > labelled / 2
    what = f"of {labelled} labels disagree with the dataset"
    if turned:
        what += ": they are turned, here 1 is fake and 0 is real; the scores may be turned too"
    for record, row in wrong:
        table.add(what, row, f"{row.video} is {'fake' if record.label == FAKE else 'real'}")
    for _, row in found:
        if row.label and row.label.lower() not in _LABELS:
            table.add("labels are none of 0, 1, real, fake", row, repr(row.label))


Numbered = tuple[VideoRecord, int, ScoreRow]


def _numbered(found: Sequence[Scored], table: _Table) -> list[Numbered]:
    """Each row with the number of its clip: as given, else counted within the video where the
    frames are told apart by ``start_frame``."""
    numbered, seen = [], set()
    counted: Counter[str] = Counter()
    for record, row in found:
        wrong = [text for text in (row.clip, row.start_frame) if text and not text.isdecimal()]
        if wrong:
            table.add("numbers of clips or frames are none", row, repr(wrong[0]))
            continue
        key = (record.id, int(row.clip or row.start_frame or 0))
        if key in seen:
            table.add("rows are duplicates, of a video and clip that stand before", row)
            continue
        seen.add(key)
        numbered.append((record, int(row.clip) if row.clip else counted[record.id], row))
        counted[record.id] += 1
    return numbered


def _score(row: ScoreRow, reading: Reading, table: _Table) -> float | None:
    """P(fake), or None where the file leaves it empty."""
    if not row.score:
        return None
    if not _NUMBER.fullmatch(row.score):
        table.add("scores are no numbers", row, repr(row.score))
        return None
    score = float(row.score)
    if reading.logits:
        score = float(np.exp(-np.logaddexp(0.0, -score)))
    elif not 0 <= score <= 1:
        table.add("scores are not in 0..1 (--logits, if they are log-odds)", row, row.score)
        return None
    return 1 - score if reading.turned else score


def _rows(
    numbered: Sequence[Numbered],
    scores: dict[int, float | None],
    wanted: Sequence[VideoRecord],
    dataset: str,
) -> list[Prediction]:
    by_id: dict[str, list[Prediction]] = {record.id: [] for record in wanted}
    for record, clip, row in numbered:
        start = int(row.start_frame) if row.start_frame else None
        score = scores[id(row)]
        lost = row.status if row.status in get_args(Status) and row.status != "ok" else "missing"
        by_id[record.id].append(
            Prediction(dataset, record.id, clip, start, record.label, score, record.method,
                       record.group, "ok" if score is not None else lost)  # type: ignore[arg-type]
        )  # fmt: skip
    rows = []
    for record in wanted:
        clips = sorted(by_id[record.id], key=lambda row: row.clip)
        rows += clips or [
            Prediction(dataset, record.id, 0, None, record.label, None, record.method,
                       record.group, "missing")
        ]  # fmt: skip
    return rows


def _doubts(checked: Checked, reading: Reading) -> None:
    rows = checked.rows
    lost = [row.video for row in rows if row.status == "missing" and row.score is None]
    if lost:
        videos = list(dict.fromkeys(lost))
        checked.warnings.append(
            f"{len(videos)} videos of {len({row.video for row in rows})} have no score, or lack "
            f"some: {', '.join(videos[:_EXAMPLES])}{', …' * (len(videos) > _EXAMPLES)}"
        )
    scored = [row for row in rows if row.score is not None]
    values = np.array([row.score for row in scored])
    labels = np.array([row.label for row in scored])
    if not len(scored):
        raise ResultError("the file has no score for any of the videos")
    if reading.logits and ((raw := _logit(values)) >= 0).all() and (raw <= 1).all():
        checked.warnings.append("all numbers lie in 0..1: they look like scores, not like --logits")
    if 0 < labels.mean() < 1 and (auc := _auc(labels, values)) < 0.5:
        checked.warnings.append(
            f"the scores rank the wrong way: AUC {auc:.3f}, and {1 - auc:.3f} turned; --turned "
            "if they are P(real)"
        )


def _logit(scores: np.ndarray) -> np.ndarray:
    return np.log(scores) - np.log1p(-scores)
