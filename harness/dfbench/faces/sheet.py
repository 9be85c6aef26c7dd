"""A contact sheet of stored crops: people look before they trust."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.records import FAKE
from dfbench.errors import ResourceError
from dfbench.faces.prepare import Prepared
from dfbench.faces.store import FaceStore
from dfbench.results.result import Mistake

VIDEOS = 6
"""Videos shown of the real class, and of each method."""
CROPS = 8
"""Crops shown of each, spread over its frames."""
_SIDE = 160

MISTAKES = "mistakes.jpg"


def draw(done: Sequence[Prepared], store: FaceStore, file: Path, title: str) -> Path:
    """Write a sheet with a row for each of a few videos of every class: their id, status, crops.

    A class without any usable video is shown by what went wrong. Raises ResourceError when
    ``file`` cannot be written.
    """
    shown = choose(done)
    return draw_rows(shown, [caption(item) for item in shown], store, file, title)


def draw_rows(
    shown: Sequence[Prepared], captions: Sequence[str], store: FaceStore, file: Path, title: str
) -> Path:
    """Write a sheet with a row for each video: what its caption says, and its crops."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 * CROPS + 3, 1.5 * max(len(shown), 1) + 0.8), dpi=80)
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=12)
    grid = figure.add_gridspec(
        max(len(shown), 1),
        CROPS + 2,
        left=0.01,
        right=0.99,
        bottom=0.01,
        top=1 - 0.6 / figure.get_figheight(),
        wspace=0.04,
        hspace=0.06,
    )
    for row, (item, told) in enumerate(zip(shown, captions, strict=True)):
        text = figure.add_subplot(grid[row, :2])
        text.axis("off")
        text.text(0, 0.5, told, va="center", fontsize=9, wrap=True)
        for column, picture in enumerate(pictures(item, store)):
            place = figure.add_subplot(grid[row, column + 2])
            place.axis("off")
            place.imshow(picture)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of every letter that the font lacks
            figure.savefig(file, format="jpeg" if file.suffix == ".jpg" else "png")
    except OSError as error:
        raise ResourceError(f"{file} cannot be written: {error.strerror}") from error
    return file


def choose(done: Sequence[Prepared]) -> list[Prepared]:
    """Of each class a few videos, evenly spread over it, those with faces before those without."""
    kinds: dict[tuple[int, str], list[Prepared]] = {}
    for item in done:
        kinds.setdefault((item.record.label, item.record.method or ""), []).append(item)
    chosen = []
    for kind in sorted(kinds):
        usable = [item for item in kinds[kind] if any(item.usable)] or kinds[kind]
        places = np.unique(np.linspace(0, len(usable) - 1, VIDEOS).round().astype(int))
        chosen += [usable[i] for i in places]
    return chosen


def caption(item: Prepared) -> str:
    return words(item, f"{item.status}, {sum(item.usable)} of {len(item.usable)} clips")


def words(item: Prepared, last: str) -> str:
    """Three lines: the video's id, what it is, and ``last``."""
    record = item.record
    kind = f"fake: {record.method}" if record.label == FAKE else "real"
    name = record.id if len(record.id) <= 44 else "…" + record.id[-43:]
    return _plain("\n".join([name, kind, last]))


def pictures(item: Prepared, store: FaceStore) -> list[NDArray[np.uint8]]:
    """Up to ``CROPS`` crops uint8 [S, S, 3] of a video, over all its clips and frames."""
    usable = np.flatnonzero(item.usable)
    if not len(usable):
        return []
    clips = usable[np.unique(np.linspace(0, len(usable) - 1, CROPS).round().astype(int))]
    each = -(-CROPS // len(clips))
    found: list[NDArray[np.uint8]] = []
    for _, frames in store.clips(item.key, clips.tolist()):
        for t in np.linspace(0, len(frames) - 1, min(each, len(frames))).round().astype(int):
            small = cv2.resize(frames[t], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            found.append(np.asarray(small, np.uint8))
    return found[:CROPS]


def _plain(text: str) -> str:
    """matplotlib takes ``$`` for the beginning of a formula."""
    return text.replace("$", r"\$")


def draw_mistakes(
    mistakes: Sequence[Mistake], videos: Sequence[Prepared], store: FaceStore, folder: Path
) -> None:
    """Write ``mistakes.jpg``, a row of crops for each; none where there is no mistake."""
    (folder / MISTAKES).unlink(missing_ok=True)
    if not mistakes:
        return
    by_id = {video.record.id: video for video in videos}
    shown = [by_id[mistake.video] for mistake in mistakes]
    told = [words(v, f"score {m.score:.3f}") for v, m in zip(shown, mistakes, strict=True)]
    title = f"The {len(mistakes)} most confident mistakes"
    draw_rows(shown, told, store, folder / MISTAKES, title)
