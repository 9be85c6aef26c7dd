"""What a run keeps of its test videos for people to look at: what is known of each, and a picture
of those that were decided wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfbench.prepare import Prepared
from dfbench.records import FAKE
from dfbench.result import Mistake
from dfbench.sheet import draw_rows
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
    words = [_words(mistake) for mistake in mistakes]
    title = f"The {len(mistakes)} most confident mistakes"
    draw_rows([by_id[m.video] for m in mistakes], words, store, folder / SHEET, title)


def _words(mistake: Mistake) -> str:
    name = mistake.video if len(mistake.video) <= 44 else "…" + mistake.video[-43:]
    kind = f"fake: {mistake.method}" if mistake.label == FAKE else "real"
    return f"{name}\n{kind}\nscore {mistake.score:.3f}".replace("$", r"\$")
