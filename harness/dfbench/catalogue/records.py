"""The objects that flow from a dataset to a prediction. Standard library only.

Label 1 = fake, 0 = real, everywhere. A score is P(fake): higher means more fake.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from dfbench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REAL, FAKE = 0, 1
"""Labels."""

Split = Literal["train", "val", "test"]
"""What a video is used for: to learn from, to choose on, to be measured on once."""
SPLITS: tuple[Split, ...] = ("train", "val", "test")
"""In the order in which they are used."""

Status = Literal["ok", "missing", "unreadable", "no_face"]
"""What became of a video, or of one clip of it: ``missing`` = no such file, ``unreadable`` = the
decoder gave up (on the file, or on the frames of this clip), ``no_face`` = nobody was found."""


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """One video of a dataset.

    id: unique in the dataset, stable, ``/``-separated on every system.
    label: 1 = fake, 0 = real.
    split: the dataset's own split, or None where it has none (the harness then makes one).
    group: the unit of the statistics: identity where known, else original, else the video.
        Left empty it becomes ``original`` or ``id``.
    method: how the fake was made; None for a real video.
    original: id of the real video a fake was made from, whether or not that video is on disk.
    boxes: a ``.npz`` the dataset ships, with ``frames`` int[N], ``boxes`` float[N,4] (x0, y0, x1,
        y1 in pixels) and ``landmarks`` float[N,K,2]; see ``Faces`` for their order.
    identities: every person shown or used, where known. Splits may not share one. Give them a
        prefix when two datasets show the same people, so that the overlap is seen.
    path: a video file, a folder of pictures (one a frame, in the order of the numbers in their
        names), or a single picture.
    attributes: what else is known, for breakdowns: ``scene``, ``sex``, ``compression`` …
    """

    id: str
    path: Path
    label: int
    split: Split | None = None
    group: str = ""
    method: str | None = None
    original: str | None = None
    boxes: Path | None = None
    identities: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.id or "\\" in self.id or self.id.startswith("/"):
            raise DataError(f"record id {self.id!r} must be non-empty, relative and use '/'")
        if {"\n", "\r"} & set(self.id) or self.id.encode(errors="replace").decode() != self.id:
            raise DataError(f"record id {self.id!r} is no text of one line: rename the file")
        if self.label not in (REAL, FAKE):
            raise DataError(f"record {self.id}: label {self.label!r} is neither 0 (real) nor 1")
        if self.split is not None and self.split not in SPLITS:
            raise DataError(f"record {self.id}: split {self.split!r} is not one of {SPLITS}")
        if not self.group:
            object.__setattr__(self, "group", self.original or self.id)


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces found in one image, best first.

    boxes: float32 [N, 4], x0, y0, x1, y1 in pixels.
    landmarks: float32 [N, K, 2], x, y in pixels. K = 5: the eye on the image's left, the other
        eye, nose tip, the mouth corner on the image's left, the other corner. K = 68: the iBUG
        300-W points.
    scores: float32 [N], 0..1.
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One person followed over the sampled frames of a video.

    frames: int64 [N] frame numbers, rising.
    boxes: float32 [N, 4]; landmarks: float32 [N, K, 2]; both as in ``Faces``.
    scores: float32 [N]; 0 where the face was not found in that frame and its place was taken
        from the frames around it.
    """

    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    track: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """What a detector sees at once: uint8 frames [T, H, W, 3] (RGB) of one video."""

    video: str
    clip: int
    start_frame: int
    label: int
    frames: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row of ``predictions.csv``: one clip of one video.

    score: P(fake) in 0..1, or None where ``status`` is not ``ok``. What a missing score counts as
        is decided when metrics are computed (``--on-missing``), so the file stays raw.
    start_frame: None where no frame could be sampled.
    """

    dataset: str
    video: str
    clip: int
    start_frame: int | None
    label: int
    score: float | None
    method: str | None
    group: str
    status: Status


def path_inside(root: Path, name: str) -> Path:
    """``root / name`` for a ``name`` read from a dataset's own list.

    Raises DataError when the name is empty, absolute, or climbs out of ``root``: a list is data
    and must not make the program read elsewhere. Links inside the root are followed as they are.
    """
    posix = name.replace("\\", "/")
    joined = os.path.normpath(root / posix)
    escapes = not Path(joined).is_relative_to(os.path.normpath(root))
    drive = posix[1:3] == ":/"
    if not posix or "\0" in posix or PurePosixPath(posix).is_absolute() or drive or escapes:
        raise DataError(f"{name!r} is not a path inside {root}")
    return root / PurePosixPath(posix)
