"""A picture of the test videos that were decided wrongly, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfbench.faces.prepare import Prepared
from dfbench.faces.sheet import draw_rows, words
from dfbench.faces.store import FaceStore
from dfbench.results.result import Mistake

SHEET = "mistakes.jpg"


def draw_mistakes(
    mistakes: Sequence[Mistake], videos: Sequence[Prepared], store: FaceStore, folder: Path
) -> None:
    """Write ``mistakes.jpg``, a row of crops for each; none where there is no mistake."""
    (folder / SHEET).unlink(missing_ok=True)
    if not mistakes:
        return
    by_id = {video.record.id: video for video in videos}
    shown = [by_id[mistake.video] for mistake in mistakes]
    told = [words(v, f"score {m.score:.3f}") for v, m in zip(shown, mistakes, strict=True)]
    title = f"The {len(mistakes)} most confident mistakes"
    draw_rows(shown, told, store, folder / SHEET, title)
