"""DeeperForensics-1.0: actors put into the clips of FaceForensics++, clean and distorted.

``manipulated_videos/<variant>/<target>_<actor>.mp4`` is FaceForensics++'s clip ``target`` with an
actor's face; the variants hold the same 1,000 swaps. The official lists divide the swaps by actor
(71, 9 and 20 of them) and name each clip once, so a clip is real and fake in one split. The real
class is FaceForensics++'s originals, which have to be got there. Every video that the lists name
is a record, also when its file is missing; files that they do not name are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dfbench import (
    FAKE,
    REAL,
    SPLITS,
    DataError,
    Split,
    VideoRecord,
    choose_option,
    choose_options,
    did_you_mean,
    read_lines,
    videos_by_stem,
    videos_in,
)

VARIANTS = (
    "end_to_end",
    *(f"end_to_end_level_{level}" for level in range(1, 6)),
    "end_to_end_random_level",
    *(f"end_to_end_mix_{number}_distortions" for number in (2, 3, 4)),
    "reenact_postprocess",
)
COMPRESSIONS = ("raw", "c23", "c40")
FAKES = "manipulated_videos"
_NAME = re.compile(r"(?P<target>[0-9]{3})_(?P<actor>[MW][0-9]{3})(?:\.mp4)?", re.IGNORECASE)
_DISTORTION = re.compile(r"end_to_end_(?:level_(\d)|(random)_level|(mix_\d)_distortions)")


@dataclass(frozen=True)
class Swap:
    """A line of the official lists: the clip and the actor whose face it was given."""

    target: str
    actor: str
    split: Split

    @property
    def name(self) -> str:
        return f"{self.target}_{self.actor}"


def records(
    root: Path, methods: str = "end_to_end", compression: str = "c23"
) -> Iterable[VideoRecord]:
    """Raises OptionError for an unknown variant or compression, DataError when ``root`` is not of
    DeeperForensics's layout, lacks a variant or the real videos, or the lists do not hold."""
    chosen = choose_options("methods", methods, VARIANTS)
    compression = choose_option("compression", compression, COMPRESSIONS)
    fakes = {variant: videos_by_stem(_variant(root, variant)) for variant in chosen}
    swaps = read_swaps(root / "lists" / "splits")
    folder = f"original_sequences/youtube/{compression}/videos"
    place = _originals(root, folder)
    reals = videos_by_stem(place)
    targets = {swap.target: swap.split for swap in swaps}
    found = {
        target: _real(place, folder, compression, _file(reals, target), split, target)
        for target, split in targets.items()
    }
    return [
        *found.values(),
        *(
            _fake(root, variant, swap, _file(videos, swap.name), found[swap.target].id)
            for variant, videos in fakes.items()
            for swap in swaps
        ),
    ]


def read_swaps(folder: Path) -> list[Swap]:
    """The swaps of the official lists. Raises DataError when a list is missing or holds anything
    but their names, a swap stands twice, or a clip is in two splits."""
    lacking = [f"{split}.txt" for split in SPLITS if not (folder / f"{split}.txt").is_file()]
    if lacking:
        raise DataError(
            f"{folder} lacks {', '.join(lacking)}, the official split: get the folder lists that "
            "is given out with DeeperForensics-1.0"
        )
    swaps: dict[str, Swap] = {}
    home: dict[str, str] = {}
    for split in SPLITS:
        file = folder / f"{split}.txt"
        for line in read_lines(file):
            swap = _swap(file, line, split)
            if swap.name in swaps or home.setdefault(swap.target, file.name) != file.name:
                raise DataError(
                    f"{file}: {'swap ' + line if swap.name in swaps else 'clip ' + swap.target} "
                    f"stands in {home[swap.target]} already: take the lists as they are given out"
                )
            swaps[swap.name] = swap
    return list(swaps.values())


def _swap(file: Path, line: str, split: Split) -> Swap:
    match = _NAME.fullmatch(line)
    if match is None:
        raise DataError(f"{file}: {line!r} is not named as the videos are (000_M101.mp4)")
    return Swap(match["target"], match["actor"].upper(), split)


def _variant(root: Path, variant: str) -> Path:
    """The folder of a variant. Raises DataError, with those on disk, when it holds no videos."""
    folder = root / FAKES
    if not folder.is_dir():
        hint = did_you_mean(root, FAKES)
        raise DataError(f"{root} is not DeeperForensics-1.0: no {FAKES} in it.{hint}")
    if videos_in(folder / variant):
        return folder / variant
    there = [name for name in VARIANTS if videos_in(folder / name)]
    instead = f", or take methods={'+'.join(there)}, which {folder} has" if there else ""
    raise DataError(f"{folder / variant} holds no videos: get them{instead}")


def _originals(root: Path, folder: str) -> Path:
    """Where FaceForensics++'s originals lie: in the root, beside it, or in a folder beside it."""
    beside = root.absolute().parent
    for place in (root, beside, *sorted(beside.glob("*/"))):
        if videos_in(place / folder):
            return place / folder
    raise DataError(
        f"the real videos of DeeperForensics-1.0 are FaceForensics++'s, and there is no {folder} "
        f"in {root}, in {beside} or in a folder in it: ask for them at "
        "github.com/ondyari/FaceForensics, or choose another compression"
    )


def _file(videos: dict[str, Path], name: str) -> str:
    """The name of the file as it is on disk, else as it would be officially."""
    return videos[name].name if name in videos else f"{name}.mp4"


def _real(
    place: Path, folder: str, compression: str, file: str, split: Split, target: str
) -> VideoRecord:
    # The id is FaceForensics++'s, wherever the videos lie: a run is the same on every machine.
    return VideoRecord(
        id=f"{folder}/{file}",
        path=place / file,
        label=REAL,
        split=split,
        identities=(f"ffpp/{target}",),
        attributes={"compression": compression},
    )


def _fake(root: Path, variant: str, swap: Swap, file: str, original: str) -> VideoRecord:
    match = _DISTORTION.fullmatch(variant)
    level = next(filter(None, match.groups()), "") if match else "none"
    return VideoRecord(
        id=f"{FAKES}/{variant}/{file}",
        path=root / FAKES / variant / file,
        label=FAKE,
        split=swap.split,
        method=variant,
        original=original,
        identities=(f"ffpp/{swap.target}", f"deeperforensics/{swap.actor}"),
        attributes={"distortion": level},
    )
