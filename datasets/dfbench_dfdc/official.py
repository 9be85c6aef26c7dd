"""DFDC's official test set: 5,000 videos and their ``labels.csv`` (1 = fake)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dfbench import FAKE, REAL, DataError, VideoRecord, path_inside, read_rows

LABELS = "labels.csv"
_COLUMNS = {"name": ("filename", "file", "video", "name"), "label": ("label", "is_fake", "target")}
_MEANS = {"0": REAL, "real": REAL, "1": FAKE, "fake": FAKE}


def find(root: Path) -> Path | None:
    """The ``labels.csv`` of the test set: in ``root``, else in a folder of it. The official
    validation set has one as well; a folder that is named for it is passed over.

    Raises DataError when there are several.
    """
    if (root / LABELS).is_file():
        return root / LABELS
    below = [f for f in sorted(root.glob(f"*/{LABELS}")) if not f.parent.name.startswith("val")]
    if len(below) > 1:
        raise DataError(
            f"{root} has {LABELS} in {below[0].parent.name}/ and in {below[1].parent.name}/: keep "
            "the test set's alone there"
        )
    return below[0] if below else None


def read(file: Path) -> Iterator[VideoRecord]:
    """All of it is test. Nothing is published about people or originals. Raises DataError."""
    rows = list(read_rows(file, _COLUMNS))
    place = _place(file.parent, [row["name"] for _, row in rows])
    for number, row in rows:
        label = _MEANS.get(row["label"].lower())
        if label is None:
            raise DataError(
                f"{file}, line {number}: label {row['label']!r} is neither 0 (real) nor 1 (fake)"
            )
        try:
            path = path_inside(place, row["name"])
        except DataError as error:
            raise DataError(f"{file}, line {number}: {error}") from None
        name = row["name"].replace("\\", "/").removeprefix("./")
        yield VideoRecord(name, path, label, "test", method="dfdc" if label == FAKE else None)


def _place(folder: Path, names: list[str]) -> Path:
    """Where the listed videos lie: beside the list, or in a folder there (``test_videos/`` …);
    where most of them do, so that a stray file decides nothing."""
    places = [folder, *(path for path in sorted(folder.glob("*")) if path.is_dir())]
    wanted = set(names)
    return max(places, key=lambda place: len(wanted & {path.name for path in place.glob("*")}))
