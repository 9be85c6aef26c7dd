"""Train, validation, test: made where a dataset has none, and checked before every training."""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from dfbench.errors import SplitError
from dfbench.records import REAL, SPLITS, Split, VideoRecord

Fractions = Mapping[Split, float]
FRACTIONS: Fractions = {"train": 0.7, "val": 0.15, "test": 0.15}
Ties = Callable[[VideoRecord], Iterable[tuple[str, str]]]
_FEW = 20  # clusters, below which each would be a lump of one kind: all women, all of one show
_WORD = {0: "real", 1: "fake"}


def keys(record: VideoRecord) -> Iterator[tuple[str, str]]:
    """What a record shares with others and no two splits may share: (kind, value)."""
    yield "video", record.id
    if record.original is not None:
        yield "video", record.original
    yield "group", record.group
    for person in record.identities:
        yield "person", person


def clusters(records: Sequence[VideoRecord], tied_by: Ties = keys) -> list[list[VideoRecord]]:
    """Records tied together by what ``tied_by`` gives for two of them, directly or through others:
    a shared original, group or person unless told otherwise."""
    parent = list(range(len(records)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str], int] = {}
    for i, record in enumerate(records):
        for key in tied_by(record):
            parent[root(i)] = root(first.setdefault(key, i))
    found: dict[int, list[VideoRecord]] = defaultdict(list)
    for i, record in enumerate(records):
        found[root(i)].append(record)
    return list(found.values())


def make_split(
    records: Sequence[VideoRecord], seed: int = 0, fractions: Fractions = FRACTIONS
) -> list[VideoRecord]:
    """The records with a split each, nothing shared between two splits, their order kept.

    Clusters stay whole. Where people were swapped with one another so freely that most videos
    form one cluster, or all of them a few, the people are dealt out instead, and a video that
    shows people of two splits is left out: with 70/15/15 about half of the fakes.
    """
    whole = clusters(records)
    people = sorted({person for record in records for person in record.identities})
    one = max(map(len, whole), default=0) > max(fractions.values()) * len(records)
    few = len(whole) < _FEW and len(people) > 2 * len(whole)
    if len(people) < len(fractions) or not (one or few):
        return divide(records, fractions, seed)
    return _divide_people(records, people, fractions, seed)


def divide(
    records: Sequence[VideoRecord], fractions: Fractions, seed: int = 0, tied_by: Ties = keys
) -> list[VideoRecord]:
    """The records with a split each: clusters stay whole, classes are spread in proportion.

    Clusters are dealt in a seeded order, the largest first, each to the split that lacks most of
    what it holds. The split depends on ids and seed alone.
    """
    groups = clusters(sorted(records, key=lambda r: r.id), tied_by)
    random.Random(seed).shuffle(groups)
    groups.sort(key=len, reverse=True)
    total = Counter(r.label for r in records)
    have: dict[Split, Counter[int]] = {split: Counter() for split in fractions}
    chosen: dict[str, Split] = {}
    for group in groups:
        content = Counter(r.label for r in group)

        def gap(split: Split, content: Counter[int] = content) -> float:
            # How much of its share the split still lacks, over the classes this cluster holds.
            return sum(
                (1 - have[split][label] / (fractions[split] * total[label])) * number / total[label]
                for label, number in content.items()
            )

        split = max(fractions, key=gap)
        have[split].update(content)
        chosen.update((r.id, split) for r in group)
    return [replace(record, split=chosen[record.id]) for record in records]


def _divide_people(
    records: Sequence[VideoRecord], people: list[str], fractions: Fractions, seed: int
) -> list[VideoRecord]:
    """People dealt to splits by how often they appear; videos of one split's people are kept."""
    random.Random(seed).shuffle(people)
    times = Counter(person for record in records for person in record.identities)
    people.sort(key=lambda person: -times[person])
    have: Counter[Split] = Counter()
    home: dict[str, Split] = {}
    for person in people:
        home[person] = max(fractions, key=lambda s: fractions[s] - have[s] / times.total())
        have[home[person]] += times[person]
    named = [r for r in records if len({home[p] for p in r.identities}) == 1]
    kept = {r.id: home[r.identities[0]] for r in named}
    kept.update((r.id, r.split) for r in divide([r for r in records if not r.identities],
                                                fractions, seed) if r.split)  # fmt: skip
    # What is still shared, an original or a group, stays with the split that has most of it.
    sharers: dict[tuple[str, str], Counter[Split]] = defaultdict(Counter)
    for record in records:
        if record.id in kept:
            for key in keys(record):
                sharers[key][kept[record.id]] += 1
    owner = {key: max(fractions, key=lambda s: n[s]) for key, n in sharers.items()}
    return [
        replace(record, split=kept[record.id])
        for record in records
        if record.id in kept and all(owner[key] == kept[record.id] for key in keys(record))
    ]


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


def check_classes(records: Sequence[VideoRecord], split: Split, name: str) -> None:
    """Raise SplitError unless the split has real and fake videos."""
    present = Counter(r.label for r in records if r.split == split)
    if not present:
        raise SplitError(f"{name} has no {split} videos: it needs real and fake ones")
    if len(present) == 1:
        only = next(iter(present))
        raise SplitError(
            f"the {split} split of {name} has {present[only]} {_WORD[only]} videos and no "
            f"{_WORD[1 - only]} ones: both are needed"
        )


def limit(records: Sequence[VideoRecord], number: int) -> list[VideoRecord]:
    """At most ``number`` videos a split, taken in turn from the real ones and each method."""
    kept: set[str] = set()
    for split in SPLITS:
        kinds: dict[tuple[int, str], list[VideoRecord]] = defaultdict(list)
        for record in sorted(records, key=lambda r: r.id):
            if record.split == split:
                kinds[record.label, record.method or ""].append(record)
        queues = [kinds[kind] for kind in sorted(kinds)]
        turns = (queue[i] for i in range(number) for queue in queues if i < len(queue))
        kept.update(record.id for record, _ in zip(turns, range(number), strict=False))
    return [record for record in records if record.id in kept]


def count(records: Iterable[VideoRecord]) -> dict[str, int]:
    """Videos, real and fake, for counts and messages."""
    labels = [record.label for record in records]
    return {
        "videos": len(labels),
        "real": labels.count(REAL),
        "fake": len(labels) - labels.count(REAL),
    }
