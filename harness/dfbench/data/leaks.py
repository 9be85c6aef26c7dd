"""What two splits share though they must not: looked for before every training."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from dfbench.catalogue.records import Split, VideoRecord
from dfbench.data.splits import keys
from dfbench.errors import SplitError


def leaks(records: Iterable[VideoRecord]) -> list[tuple[str, str, VideoRecord, VideoRecord]]:
    """Every (kind, value) found in two splits, with one record of each split. The kind is
    ``video`` for one and the same video, ``original`` for a fake and what it was made from or for
    two fakes of one original, ``group`` or ``person``."""
    seen: dict[tuple[str, str], dict[Split | None, VideoRecord]] = defaultdict(dict)
    for record in records:
        for key in keys(record):
            there = seen[key]
            if record.split not in there or record.id == key[1]:
                there[record.split] = record
    return [
        ("original" if kind == "video" and a.id != b.id else kind, value, a, b)
        for (kind, value), there in seen.items()
        for a, b in combinations(there.values(), 2)
    ]


def check_leaks(records: Sequence[VideoRecord], name: str, overlap: str = "") -> str:
    """What was compared, in a sentence. Raises SplitError naming the pair that leaks.

    overlap: the dataset's own declaration that its official splits share people or originals;
    what is shared is then counted. The same video on two sides is an error all the same, and so
    are originals and groups that train shares with validation, which is ours to cut.
    """
    found = leaks(records)
    declared = [leak for leak in found if overlap and declarable(*leak)]
    found = [leak for leak in found if not (overlap and declarable(*leak))]
    if found:
        kind, value, a, b = found[0]
        raise SplitError(
            f"{name}: {a.id} ({a.split}) and {b.id} ({b.split}) share the {kind} {value!r}"
            + (f", and {len(found) - 1} more such pairs" if len(found) > 1 else "")
            + ". Train, validation and test must not: mend the split"
        )
    people = {p for r in records for p in r.identities}
    compared = f"{len(records)} videos, {len({r.group for r in records})} groups"
    compared += f", {len(people)} people" if people else ""
    if not declared:
        return f"{name}: splits disjoint by {compared}"
    shared = Counter(kind for kind, _ in {leak[:2] for leak in declared})
    told = ", ".join(f"{kind} {number} times" for kind, number in sorted(shared.items()))
    return f"{name}: of {compared} the splits share, as declared ({overlap}): {told}"


def declarable(kind: str, _: str, a: VideoRecord, b: VideoRecord) -> bool:
    """Whether a dataset may declare what these two share: people, and all that test shares but the
    very same video."""
    return kind == "person" or (kind != "video" and "test" in (a.split, b.split))


def check_across(
    trained: Sequence[VideoRecord],
    tested: Sequence[VideoRecord],
    names: tuple[str, str],
    overlap: str = "",
) -> None:
    """Raise SplitError when a test video of one dataset, or a person in it, was trained on.

    Ids are a dataset's own, so across datasets files and declared people are compared; within one
    dataset under two settings also ids, originals and groups, unless it declares its people.
    overlap: the tested dataset's declaration, see ``check_leaks``: trained on itself, its people,
    originals and groups may then be shared.
    """
    official = bool(overlap) and names[0] == names[1]
    if names[0] == names[1] and not any(r.identities for r in (*trained, *tested)):
        mine = {key: record for record in trained for key in _own(record, official)}
        for record in tested:
            if hit := next((key for key in _own(record, official) if key in mine), None):
                raise SplitError(
                    f"{names[0]}: test video {record.id} and {mine[hit].split} video "
                    f"{mine[hit].id} share the {hit[0]} {hit[1]!r}"
                )
    paths = {os.path.realpath(r.path): r for r in trained}
    people = {} if official else {p: r for r in trained for p in r.identities}
    for record in tested:
        same = paths.get(os.path.realpath(record.path))
        shared = next((p for p in record.identities if p in people), None)
        if same is not None or shared is not None:
            other = same or people[shared or ""]
            raise SplitError(
                f"{names[1]}'s test video {record.id} and {names[0]}'s {other.split} video "
                f"{other.id} {'are one file' if same else f'share the person {shared!r}'}"
            )


def _own(record: VideoRecord, official: bool) -> Iterable[tuple[str, str]]:
    """What two splits may not share: of official ones that declare an overlap the video alone."""
    return [("video", record.id)] if official else keys(record)
