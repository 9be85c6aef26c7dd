"""What commands on datasets print and write."""

from __future__ import annotations

import csv
from pathlib import Path

from click.testing import Result


def usage(result: Result) -> str:
    """What a wrong call prints; nothing else has happened."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def prepared(command, videos, *more: object) -> Result:
    return command(
        "prepare",
        "folder",
        "--data-root",
        videos,
        "--faces",
        "center",
        "--workers",
        1,
        "--json",
        *more,
    )
