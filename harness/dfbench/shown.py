"""What a run keeps of its test videos for people to look at: what is known of each, and a picture
of those that were decided wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfbench.prepare import Prepared
from dfbench.result import Mistake
from dfbench.sheet import draw_rows, words
from dfbench.store import FaceStore

SHEET = "mistakes.jpg"


def known_of(video: Prepared) -> dict[str, str]:
    """The video's attributes, size and face, as texts; see ``evaluate.breakdown.About``."""
    width, height = video.size
    measured = {"width": width, "height": height, "face": video.face, "people": video.people}
    return {**{k: str(v) for k, v in measured.items() if v}, **video.record.attributes}


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
