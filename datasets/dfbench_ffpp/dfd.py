"""DeepFakeDetection (DFD): 28 actors filmed in 16 scenes, and swapped with one another.

``<actor>__<scene>.mp4`` is real; ``<target>_<source>__<scene>__<8 characters>.mp4`` is the
target's scene with the source's face, the characters tell two swaps of one pair and scene apart.
There is no official split: the harness divides the actors, and leaves out the fakes that show
actors of two splits.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dfbench import FAKE, REAL, VideoRecord, choose_option, named_videos
from dfbench_ffpp.layout import COMPRESSIONS, Videos, check_root, find, locate

ORIGINALS = "original_sequences/actors"
FAKES = "manipulated_sequences/DeepFakeDetection"
METHOD = "DeepFakeDetection"
_SCENE = "[a-z]+(_[a-z]+)*"
_REAL = rf"\d\d__{_SCENE}"
_FAKE = rf"\d\d_\d\d__{_SCENE}__[a-z0-9]{{8}}"


def records(root: Path, compression: str = "c23") -> Iterable[VideoRecord]:
    """Raises OptionError for an unknown compression, DataError when ``root`` is not of DFD's
    layout, lacks the compression, or holds a video whose name does not say whom it shows."""
    compression = choose_option("compression", compression, COMPRESSIONS)
    check_root(root, "DFD", ORIGINALS)
    real = named_videos(find(root, ORIGINALS, compression), _REAL, "01__kitchen_pan.mp4")
    fake = named_videos(find(root, FAKES, compression), _FAKE, "01_03__kitchen_pan__JZUXXFRB.mp4")
    return [
        *(_real(root, compression, name, path) for name, path in real.items()),
        *(_fake(root, compression, name, path, real) for name, path in fake.items()),
    ]


def _real(root: Path, compression: str, name: str, path: Path) -> VideoRecord:
    actor, scene = name.split("__")
    person = f"dfd/{actor}"
    return VideoRecord(
        id=path.relative_to(root).as_posix(),
        path=path,
        label=REAL,
        group=person,
        identities=(person,),
        attributes={"scene": scene, "compression": compression},
    )


def _fake(root: Path, compression: str, name: str, path: Path, real: Videos) -> VideoRecord:
    pair, scene, _ = name.split("__")
    target, source = pair.split("_")
    people = (f"dfd/{target}", f"dfd/{source}")
    # The original is named also where it is not on disk, so that its fakes stay together.
    original, _ = locate(root, ORIGINALS, compression, f"{target}__{scene}", real)
    return VideoRecord(
        id=path.relative_to(root).as_posix(),
        path=path,
        label=FAKE,
        group=people[0],
        method=METHOD,
        original=original,
        identities=people,
        attributes={"scene": scene, "compression": compression},
    )
