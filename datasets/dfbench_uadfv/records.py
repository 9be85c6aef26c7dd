"""UADFV: ``real/0000.mp4`` and, made from it, ``fake/0000_fake.mp4``.

It comes without a split, and is so small that most work only tests on it. Where it is trained on,
the harness makes a split that keeps a pair on one side.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dfbench import FAKE, REAL, DataError, VideoRecord, did_you_mean, named_videos


def records(root: Path) -> Iterable[VideoRecord]:
    """Raises DataError when ``root`` lacks one of the two folders, or one of them holds a video
    that is not named as UADFV's are."""
    lacking = [name for name in ("real", "fake") if not (root / name).is_dir()]
    if lacking:
        hint = did_you_mean(root, "fake/0000_fake.mp4", "real/0000.mp4")
        raise DataError(f"{root} is not UADFV: no folder {' and no '.join(lacking)} in it.{hint}")
    real = named_videos(root / "real", r"\d{4}", "0000.mp4")
    fake = named_videos(root / "fake", r"\d{4}_fake", "0000_fake.mp4")
    originals = [VideoRecord(f"real/{path.name}", path, REAL) for path in real.values()]
    return [*originals, *(_fake(name, path, real) for name, path in fake.items())]


def _fake(name: str, path: Path, real: dict[str, Path]) -> VideoRecord:
    number = name.removesuffix("_fake")
    original = real[number].name if number in real else f"{number}.mp4"
    return VideoRecord(
        f"fake/{path.name}", path, FAKE, method="fakeapp", original=f"real/{original}"
    )
