"""The folders of FaceForensics++, which DFD shares: ``KIND/COMPRESSION/videos/NAME.mp4``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dfbench import DataError, did_you_mean, videos_in

COMPRESSIONS = ("raw", "c23", "c40")

Videos = Mapping[str, Path]
"""The videos of a folder on disk by their name without its ending."""


def check_root(root: Path, name: str, kind: str) -> None:
    """Raise DataError when ``root`` has no folder ``kind``, the real videos of dataset ``name``."""
    if not (root / kind).is_dir():
        raise DataError(f"{root} is not {name}: no {kind} in it.{did_you_mean(root, kind)}")


def find(root: Path, kind: str, compression: str, otherwise: str = "") -> Path:
    """The folder of videos of ``kind`` (``original_sequences/youtube``) in that compression.

    otherwise: what else than getting the videos would help, for the error. Raises DataError when
    there are none, naming the compressions that are on disk.
    """
    place = root / kind / compression / "videos"
    if videos_in(place):
        return place
    if not (root / kind).is_dir():
        raise DataError(f"{root} has no {kind}: get it{otherwise}")
    there = [c for c in COMPRESSIONS if videos_in(root / kind / c / "videos")]
    if there:
        raise DataError(
            f"{place} holds no videos: get them, or take compression={' or '.join(there)}, which "
            f"{root / kind} has"
        )
    raise DataError(
        f"{root / kind} holds no videos in {', '.join(COMPRESSIONS)}: get it{otherwise}"
    )


def locate(root: Path, kind: str, compression: str, name: str, videos: Videos) -> tuple[str, Path]:
    """(id, path) of the video ``name``: as it is on disk, else as it would be officially."""
    file = videos[name].name if name in videos else f"{name}.mp4"
    id = f"{kind}/{compression}/videos/{file}"
    return id, root / id
