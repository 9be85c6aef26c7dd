"""Which files are videos and which are pictures, by their names."""

from __future__ import annotations

from pathlib import Path

VIDEO_ENDINGS = {".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"}
"""Of files that are read as videos, in lower case."""


IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
"""Of files that are read as pictures, in lower case."""


def is_video_name(path: Path) -> bool:
    """Whether a file of that name is a video: by its ending, in any case; no hidden file is."""
    return path.suffix.lower() in VIDEO_ENDINGS and not path.name.startswith(".")
