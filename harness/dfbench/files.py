"""Files that are whole or not there: a reader sees the old one or the new one, never half of it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically: a reader sees the old file or the new one, never half of it. Raises
    OSError, ValueError for a number that is none, TypeError for what JSON has no word for."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=False)
    write_atomic(path, text.encode() + b"\n")


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file below a folder that is there: under another name, then moved. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """A folder name that any file system takes: other characters become ``-``."""
    return re.sub(r"[^\w.=+-]+", "-", name).strip("-.") or "unnamed"
