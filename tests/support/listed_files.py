"""Files that a list names, small and each of its own content."""

from __future__ import annotations

from pathlib import Path


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def write_csv(root: Path, text: str | bytes, name: str = "list.csv") -> Path:
    data = text.encode() if isinstance(text, str) else text
    (root / name).write_bytes(data)
    return root / name
