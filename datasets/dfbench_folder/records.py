"""Videos listed by where they lie, or by a CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dfbench import FAKE, REAL, DataError, Split, VideoRecord, path_inside, videos_below

_LABELS = {"real": REAL, "0": REAL, "fake": FAKE, "1": FAKE}
_SPLITS: dict[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def records(root: Path) -> Iterable[VideoRecord]:
    """Records of a folder with ``real/`` and ``fake/``, or of a CSV (``root`` itself, or the only
    one in it). Raises DataError when it is neither."""
    if root.is_file():
        return list(_from_csv(root))
    if (root / "real").is_dir() or (root / "fake").is_dir():
        return [*_below(root, "real", REAL), *_below(root, "fake", FAKE)]
    lists = sorted(root.glob("*.csv"))
    if len(lists) == 1:
        return list(_from_csv(lists[0]))
    deeper = [p.parent.name for p in sorted(root.glob("*/real")) if p.is_dir()]
    hint = f" Did you mean {root / deeper[0]}?" if deeper else ""
    raise DataError(
        f"{root} has neither the folders real/ and fake/ nor one CSV list with path,label.{hint}"
    )


def _below(root: Path, name: str, label: int) -> Iterator[VideoRecord]:
    for path in videos_below(root / name):
        parts = path.relative_to(root).parts
        method = None if label == REAL else parts[1] if len(parts) > 2 else "fake"
        yield VideoRecord("/".join(parts), path, label, method=method)


def _from_csv(file: Path) -> Iterator[VideoRecord]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            if not {"path", "label"} <= set(columns):
                raise DataError(f"{file}: the first line must name the columns path and label")
            if twice := [name for name in columns if name and columns.count(name) > 1]:
                raise DataError(f"{file}: the first line names the column {twice[0]} twice")
            reader.fieldnames = columns
            for row in reader:
                yield _record(
                    file, reader.line_num, {k: (v or "").strip() for k, v in row.items() if k}
                )
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no UTF-8 text: {error}") from error
    except (csv.Error, OSError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error


def _record(file: Path, number: int, row: dict[str, str]) -> VideoRecord:
    name, label = row["path"], row["label"].lower()
    where = f"{file}, line {number}"
    if label not in _LABELS:
        raise DataError(f"{where}: label {row['label']!r} is none of real, fake, 0, 1 (1 = fake)")
    split = row.get("split", "").lower()
    if split and split not in _SPLITS:
        raise DataError(f"{where}: split {split!r} is none of train, val, test")
    try:
        # A list that the user wrote may point anywhere by an absolute path, not by climbing.
        path = Path(name) if Path(name).is_absolute() else path_inside(file.parent, name)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    fake = _LABELS[label] == FAKE
    return VideoRecord(
        id=_id(file, name),
        path=path,
        label=_LABELS[label],
        split=_SPLITS[split] if split else None,
        group=row.get("group", ""),
        method=(row.get("method") or "fake") if fake else None,
        original=_id(file, row["original"]) if fake and row.get("original") else None,
    )


def _id(file: Path, name: str) -> str:
    """One id for a video however its path is spelled, or a leak would go unseen."""
    path, folder = (os.path.normpath(file.parent / part.replace("\\", "/")) for part in (name, "."))
    inside_it = Path(path).is_relative_to(folder)
    return (Path(path).relative_to(folder) if inside_it else Path(path)).as_posix().lstrip("/")
