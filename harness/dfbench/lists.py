"""Reading the lists and folders that datasets come with, as they are found on people's disks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dfbench.errors import DataError

VIDEO_ENDINGS = {".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"}
IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


def read_text(file: Path) -> str:
    """A UTF-8 text, with or without a byte-order mark, any line endings.

    Raises DataError when it is not there, cannot be read, or is no text.
    """
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error


def read_lines(file: Path) -> list[str]:
    """The lines of a text that hold something, without the spaces around them."""
    return [line.strip() for line in read_text(file).splitlines() if line.strip()]


def read_json(file: Path, kind: type[Any]) -> Any:
    """A JSON file whose top is a ``kind`` (dict or list). Raises DataError when it is not."""
    text = read_text(file)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is damaged: {error}") from error
    if not isinstance(data, kind):
        want = "a table" if kind is dict else "a list"
        raise DataError(f"{file} must hold {want}, not a {type(data).__name__}")
    return data


def videos_in(folder: Path) -> list[Path]:
    """Video files directly in ``folder``, in order of name; none when there is no such folder.

    Endings in any case; hidden files, AppleDouble (``._x.mp4``) and Windows zone files
    (``x.mp4:Zone.Identifier``) are not videos. Links count as what they point to, also when that
    is gone: a video that is listed and missing is seen by ``data check``.
    """
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if is_video_name(path) and not path.is_dir()]


def videos_below(folder: Path) -> Iterator[Path]:
    """Video files anywhere below ``folder``, in order, hidden folders left out."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and is_video_name(path) and not path.is_dir():
            yield path


def is_video_name(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_ENDINGS and not path.name.startswith(".")


def deeper(root: Path, mark: str) -> Path | None:
    """The folder one or two levels below ``root`` that holds ``mark``: where an archive unpacked
    into a folder of its own; for "Did you mean". Links are not followed up."""
    for pattern in (f"*/{mark}", f"*/*/{mark}"):
        for found in sorted(root.glob(pattern)):
            return found.parents[len(Path(mark).parts) - 1]
    return None


def did_you_mean(root: Path, *marks: str) -> str:
    """`` Did you mean DIR?`` where one of ``marks`` lies one or two levels too deep, else empty."""
    for mark in marks:
        if root.is_dir() and (place := deeper(root, mark)):
            return f" Did you mean {place}?"
    return ""
