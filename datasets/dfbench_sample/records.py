"""Where the generated files lie, and the records made from the manifest. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from dfbench import DataError, OptionError, VideoRecord
from dfbench_sample import DEFAULT_QP

VERSION = 1  # part of the folder's name: raise it when anything drawn or encoded changes
MANIFESTS = {False: "manifest.json", True: "manifest-control.json"}


def folder_of(root: Path, seed: int, qp: int) -> Path:
    """The folder of one setting below ``root``; both cards share it."""
    if not 1 <= qp <= 51:
        raise OptionError(f"sample: option qp is H.264's quantiser, 1 to 51, not {qp}")
    return root / f"v{VERSION}-seed{seed}-qp{qp}"


def sample(root: Path, *, seed: int = 0, qp: int = DEFAULT_QP) -> Iterable[VideoRecord]:
    """The real videos with their ``warp`` and ``flicker`` fakes."""
    return _read(folder_of(root, seed, qp), MANIFESTS[False])


def control(root: Path, *, seed: int = 0, qp: int = DEFAULT_QP) -> Iterable[VideoRecord]:
    """The real videos of the test people with their ``reencode`` fakes."""
    return _read(folder_of(root, seed, qp), MANIFESTS[True])


def _read(folder: Path, name: str) -> list[VideoRecord]:
    try:
        manifest = json.loads((folder / name).read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder} holds no generated sample; `dfbench prepare` makes it") from None
    except ValueError as error:
        raise DataError(f"{folder / name} is damaged ({error}): delete it") from error
    return [
        VideoRecord(
            id=row["id"],
            path=folder / f"{row['id']}.mp4",
            boxes=folder / f"{row['id']}.npz",
            label=row["label"],
            split=row["split"],
            group=row["person"],
            method=row["method"],
            original=row["original"],
            identities=tuple(row["identities"]),
        )
        for row in manifest["videos"]
    ]
