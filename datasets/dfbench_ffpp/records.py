"""FaceForensics++: 1,000 clips from YouTube, swapped pair by pair, in three compressions.

The official lists hold pairs of clips: 360 to train, 70 to validate, 70 to test. A pair (a, b)
gives the real videos a and b and, by each method, the fakes ``a_b`` (clip a with the face, or the
movements, of b) and ``b_a``; so no clip is in two splits. Every video that the lists name is a
record, also when its file is missing; files that they do not name are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dfbench import (
    FAKE,
    REAL,
    SPLITS,
    DataError,
    Split,
    VideoRecord,
    choose_option,
    choose_options,
    read_json,
    videos_by_stem,
)
from dfbench_ffpp.layout import COMPRESSIONS, Videos, check_root, find, locate

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
ORIGINALS = "original_sequences/youtube"
_SOURCE = "take them from github.com/ondyari/FaceForensics, dataset/splits"

Pairs = list[tuple[Split, tuple[str, str]]]


def records(
    root: Path,
    compression: str = "c23",
    methods: str = "Deepfakes+Face2Face+FaceSwap+NeuralTextures",
) -> Iterable[VideoRecord]:
    """Raises OptionError for an unknown compression or method, DataError when ``root`` is not of
    FaceForensics++'s layout, a method or compression is not on disk, or the lists do not hold."""
    compression = choose_option("compression", compression, COMPRESSIONS)
    chosen = choose_options("methods", methods, METHODS)
    check_root(root, "FaceForensics++", ORIGINALS)
    real = videos_by_stem(find(root, ORIGINALS, compression))
    fake = {
        method: videos_by_stem(find(root, _kind(method), compression, ", or choose other methods"))
        for method in chosen
    }
    pairs = read_pairs(_lists(root))
    return [
        *(_real(root, compression, clip, real, split) for split, pair in pairs for clip in pair),
        *(
            _fake(root, compression, method, names, (real, videos), split)
            for method, videos in fake.items()
            for split, pair in pairs
            for names in (pair, pair[::-1])
        ),
    ]


def read_pairs(folder: Path) -> Pairs:
    """The official pairs, each with its split. Raises DataError when a list is damaged or holds
    anything but pairs of ids, or an id stands twice: its videos would be on both sides."""
    pairs: Pairs = []
    home: dict[str, str] = {}
    for split in SPLITS:
        file = folder / f"{split}.json"
        for entry in read_json(file, list):
            pair = _pair(file, entry)
            for clip in pair:
                if clip in home:
                    raise DataError(
                        f"{file}: {clip} stands in {home[clip]} already, the lists are not the "
                        f"official ones: {_SOURCE}"
                    )
                home[clip] = file.name
            pairs.append((split, pair))
    return pairs


def _pair(file: Path, entry: Any) -> tuple[str, str]:
    if not isinstance(entry, list) or len(entry) != 2:
        raise DataError(f"{file}: {entry!r} is no pair of clips such as ['071', '054']")
    first, second = (_clip(file, value) for value in entry)
    return first, second


def _clip(file: Path, value: Any) -> str:
    """An id as the files spell it; some copies of the lists hold numbers."""
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise DataError(f"{file}: {value!r} is no clip, whose ids go from 000 to 999")
    return text.zfill(3)


def _lists(root: Path) -> Path:
    """The folder of the official lists: in the root, or beside it, or a copy of the repository."""
    beside = root.absolute().parent
    names = [f"{split}.json" for split in SPLITS]
    places = (root, root / "splits", root / "dataset" / "splits", beside, beside / "splits")
    lacking = {p: [name for name in names if not (p / name).is_file()] for p in places}
    best = min(places, key=lambda place: len(lacking[place]))
    if not lacking[best]:
        return best
    if len(lacking[best]) < len(names):
        raise DataError(f"{best} lacks {' and '.join(lacking[best])}: {_SOURCE}")
    raise DataError(
        f"{root} lacks the official split lists {', '.join(names)}: {_SOURCE}, and put them into "
        f"{root} or {root / 'splits'}"
    )


def _kind(method: str) -> str:
    return f"manipulated_sequences/{method}"


def _real(root: Path, compression: str, clip: str, videos: Videos, split: Split) -> VideoRecord:
    id, path = locate(root, ORIGINALS, compression, clip, videos)
    about = {"compression": compression}
    return VideoRecord(id, path, REAL, split, identities=_people(clip), attributes=about)


def _fake(
    root: Path,
    compression: str,
    method: str,
    names: tuple[str, str],
    videos: tuple[Videos, Videos],
    split: Split,
) -> VideoRecord:
    real, fake = videos
    id, path = locate(root, _kind(method), compression, "_".join(names), fake)
    return VideoRecord(
        id=id,
        path=path,
        label=FAKE,
        split=split,
        method=method,
        original=locate(root, ORIGINALS, compression, names[0], real)[0],
        identities=_people(*names),
        attributes={"compression": compression},
    )


def _people(*clips: str) -> tuple[str, ...]:
    """A clip shows one person. Other datasets that use the clips name them so as well."""
    return tuple(f"ffpp/{clip}" for clip in clips)
