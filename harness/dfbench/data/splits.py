"""Train, validation, test: made where a dataset has none, counted, limited."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from dfbench.catalogue.records import REAL, SPLITS, Split, VideoRecord
from dfbench.errors import SplitError

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
        return assign_splits(records, fractions, seed)
    return _divide_people(records, people, fractions, seed)


def assign_splits(
    records: Sequence[VideoRecord], fractions: Fractions, seed: int = 0, tied_by: Ties = keys
) -> list[VideoRecord]:
    """The records with a split each: clusters stay whole, classes are spread in proportion.

    fractions: of the videos by split, each above 0. tied_by: what of a record ties it to others;
    by default what the leak check looks at. Clusters are dealt in a seeded order, the largest
    first, each to the split that lacks most of what it holds. The split depends on ids and seed
    alone.
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
    kept.update(
        (r.id, r.split)
        for r in assign_splits([r for r in records if not r.identities], fractions, seed)
        if r.split
    )
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


def check_classes(
    records: Sequence[VideoRecord], split: Split, name: str, only_real: bool = False
) -> None:
    """Raise SplitError unless the split has real and fake videos, or ``only_real``, real ones."""
    present = Counter(r.label for r in records if r.split == split)
    if only_real:
        if not present[REAL]:
            raise SplitError(f"{name} has no real {split} videos: this detector learns from them")
        return
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
