"""The rules that ``data check`` holds a dataset to: pure functions from records, and what was seen
on disk, to findings. A finding is ``broken`` when a number measured on these files would not be the
number it claims to be, or when files need mending; what is merely worth knowing is a ``notice``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dfbench.catalogue.records import FAKE, SPLITS, VideoRecord
from dfbench.data.leaks import declarable, leaks
from dfbench.video.headers import FAULTS, Header

EXAMPLES = 5
WORDS = ("real", "fake")
_PART = 0.9
"""With less than this of what lies outside the test split, a dataset is taken for a part."""

Headers = Mapping[str, Header]


@dataclass(frozen=True)
class Finding:
    """One thing that was found. ``kind`` names the rule, ``reason`` how it was broken where there
    are several ways; ``examples`` are the first few of ``count``; ``text`` says what to do."""

    kind: str
    severity: Literal["broken", "notice"]
    count: int
    text: str
    examples: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class CountRow:
    """Videos of one class in one split (``all``: of the dataset; ``none``: of those without a
    split). ``published`` is None where the publisher gives no number, or it does not hold here."""

    split: str
    label: str
    on_disk: int
    listed: int
    published: int | None


def broken(kind: str, text: str, found: Iterable[str], reason: str = "") -> Iterator[Finding]:
    yield from _finding("broken", kind, text, found, reason)


def notice(kind: str, text: str, found: Iterable[str], reason: str = "") -> Iterator[Finding]:
    yield from _finding("notice", kind, text, found, reason)


def _finding(
    severity: Literal["broken", "notice"], kind: str, text: str, found: Iterable[str], reason: str
) -> Iterator[Finding]:
    names = list(found)
    if names:
        shown = tuple(_utf8(name) for name in names[:EXAMPLES])
        yield Finding(kind, severity, len(names), text, shown, reason)


def _utf8(name: str) -> str:
    """A file's name need not be text; what is printed must."""
    return name.encode("utf-8", "backslashreplace").decode()


def count_rows(
    records: Sequence[VideoRecord], headers: Headers, published: Mapping[str, int]
) -> tuple[CountRow, ...]:
    """Two rows for the dataset and two for each split that has videos, or should have."""
    listed = Counter((split, r.label) for r in records for split in ("all", r.split or "none"))
    there = Counter(
        (split, r.label)
        for r in records
        if headers[r.id].fault != "missing"
        for split in ("all", r.split or "none")
    )
    return tuple(
        CountRow(
            split,
            word,
            there[split, label],
            listed[split, label],
            published.get(word if split == "all" else f"{split}/{word}"),
        )
        for split in ("all", *SPLITS, "none")
        if listed[split, 0] + listed[split, 1] or any(published.get(f"{split}/{w}") for w in WORDS)
        for label, word in enumerate(WORDS)
    )


def against_published(rows: Sequence[CountRow]) -> Iterator[Finding]:
    """Fewer videos than were published is a part; another number of test videos, in what is not a
    part, is a test list that somebody edited."""
    by_name = {(row.split, row.label): row for row in rows}
    edited: list[str] = []
    fewer: list[str] = []
    for row in rows:
        if row.published is None or row.listed == row.published:
            continue
        told = f"{row.split}/{row.label}: {row.listed:,} listed, {row.published:,} published"
        is_edited = row.split == "test" and not _is_part(row, by_name.get(("all", row.label)))
        (edited if is_edited else fewer).append(told)
    yield from broken(
        "counts",
        "the test split is not the published one, so results on it cannot be compared; "
        "take the list from the archive the dataset came in",
        edited,
        "test_list",
    )
    yield from notice("counts", "not the published number of videos", fewer, "number")


def _is_part(test: CountRow, whole: CountRow | None) -> bool:
    """Whether the test split is short because everything is: as much of the rest is lacking."""
    if whole is None or not whole.published or not test.published:
        return False
    rest = (whole.listed - test.listed) / max(whole.published - test.published, 1)
    return rest < _PART and test.listed / test.published <= rest + 0.05


def missing(records: Sequence[VideoRecord], headers: Headers) -> Iterator[Finding]:
    """Listed videos without a file. Of a class or method that is hardly there at all it is said
    apart: it was not fetched, which is no damage."""
    gone: dict[str, list[str]] = defaultdict(list)
    total = Counter(_class(r) for r in records)
    for record in records:
        if headers[record.id].fault == "missing":
            gone[_class(record)].append(record.id)
    lost = [id for name, ids in gone.items() if 2 * len(ids) <= total[name] for id in ids]
    apart = {name: ids for name, ids in gone.items() if 2 * len(ids) > total[name]}
    yield from broken(
        "missing",
        "listed, but not on disk; fetch them again, until then each counts as a video "
        "without a score",
        lost,
    )
    yield from notice(
        "missing",
        f"most of {', '.join(apart)} is not on disk, taken for a part that was not "
        "fetched; each such video that is tested on counts as one without a score",
        (id for ids in apart.values() for id in ids),
        "not_fetched",
    )


def _class(record: VideoRecord) -> str:
    return (record.method or "fake") if record.label == FAKE else "the real videos"


def unreadable(records: Sequence[VideoRecord], headers: Headers) -> Iterator[Finding]:
    for fault, words in FAULTS.items():
        if fault == "missing":
            continue
        hit = [
            r.id + (f" ({h.detail})" if h.detail else "")
            for r in records
            if (h := headers[r.id]).fault == fault
        ]
        yield from broken("unreadable", f"{words}; fetch them again", hit, fault)
    damaged = [
        f"{r.id} ({h.bad_frames} of {h.bad_frames + h.decoded} frames)"
        for r in records
        if (h := headers[r.id]).bad_frames and not h.fault
    ]
    yield from notice(
        "damaged_frames",
        "some frames cannot be decoded; a run uses the others and says so",
        damaged,
    )


def originals(records: Sequence[VideoRecord], headers: Headers) -> Iterator[Finding]:
    there = {r.id for r in records if headers[r.id].fault != "missing"}
    fakes = Counter(r.original for r in records if r.original and r.original not in there)
    yield from notice(
        "original_missing",
        f"originals that {fakes.total():,} fakes were made from are not on "
        "disk; the fakes are kept together all the same",
        (name for name in fakes),
    )


def leaking(records: Sequence[VideoRecord], overlap: str) -> Iterator[Finding]:
    """What two splits share; apart from it, what the card declares of the official splits."""
    found = leaks(r for r in records if r.split is not None)
    ours = {leak[:2]: leak for leak in found if not (overlap and declarable(*leak))}
    declared = {leak[:2]: leak for leak in found if leak[:2] not in ours}
    yield from broken(
        "leak",
        "two splits share what they must not, so a test would be of videos that were "
        "trained on; mend the split",
        map(_pair, ours.values()),
    )
    yield from notice(
        "overlap",
        f"the official splits share these, as the card declares: {overlap}",
        map(_pair, declared.values()),
    )


def _pair(leak: tuple[str, str, VideoRecord, VideoRecord]) -> str:
    kind, value, a, b = leak
    return f"{a.id} ({a.split}) and {b.id} ({b.split}) share the {kind} {value!r}"


def compression(records: Sequence[VideoRecord], headers: Headers) -> Iterator[Finding]:
    """x264 writes its rate factor into the stream, so a c40 video in the folder c23 shows."""
    wrong = []
    for record in records:
        said, crf = record.attributes.get("compression", ""), headers[record.id].crf
        match = re.fullmatch(r"raw|c(\d+)", said)
        if match is None or crf is None:
            continue
        wanted = int(match[1] or 0)
        # raw was made with crf=0, or came as it was filmed: hardly compressed, whatever the number.
        if abs(crf - wanted) > (1 if wanted else 5):
            wrong.append(f"{record.id} (crf {crf:g}, not {said})")
    yield from broken(
        "compression",
        "compressed otherwise than their folder says; fetch them "
        "again, or move them where they belong",
        wrong,
    )
