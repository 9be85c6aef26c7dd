"""Which files are videos and which are pictures, by their names."""

from __future__ import annotations

from pathlib import Path

VIDEO_ENDINGS = {".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"}


IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


def is_video_name(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_ENDINGS and not path.name.startswith(".")
