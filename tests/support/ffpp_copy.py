"""FaceForensics++ as it lies on disk, a few official pairs of it."""

from __future__ import annotations

import json
from pathlib import Path

from listed_files import touch

from dfbench.catalogue.records import SPLITS
from dfbench_ffpp.records import METHODS

CLASSIC = METHODS[:4]
PAIRS = {
    "train": [["071", "054"], ["087", "081"]],
    "val": [["720", "672"]],
    "test": [["953", "974"]],
}


def write_lists(folder: Path, pairs: dict = PAIRS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        (folder / f"{split}.json").write_text(json.dumps(pairs[split]))


def write_videos(
    root: Path, pairs: dict = PAIRS, methods=CLASSIC, compression: str = "c23"
) -> None:
    for a, b in (pair for split in SPLITS for pair in pairs[split]):
        for clip in (a, b):
            touch(root, f"original_sequences/youtube/{compression}/videos/{clip}.mp4")
        for method in methods:
            folder = f"manipulated_sequences/{method}/{compression}/videos"
            touch(root, f"{folder}/{a}_{b}.mp4", f"{folder}/{b}_{a}.mp4")
