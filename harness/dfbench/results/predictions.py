"""``predictions.csv``: the scores of a run, a row a frame or clip; also the format in which
anyone's scores are exchanged."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from operator import itemgetter
from pathlib import Path
from typing import Any

from dfbench.catalogue.records import Prediction
from dfbench.errors import ResultError
from dfbench.files import write_atomic

PREDICTION_COLUMNS = tuple(f.name for f in fields(Prediction))
"""Of ``predictions.csv``, in their order: the fields of ``Prediction``."""


def write_predictions(rows: Iterable[Prediction], file: Any, *, header: bool) -> None:
    """Append rows to an open text file. Scores keep every digit, so they read back equal."""
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(PREDICTION_COLUMNS)
    for row in rows:
        values = astuple(row)
        writer.writerow("" if v is None else repr(v) if isinstance(v, float) else v for v in values)


def rewrite(path: Path, rows: Iterable[Prediction]) -> None:
    """Write a whole ``predictions.csv`` atomically. Raises OSError."""
    buffer = io.StringIO()
    write_predictions(rows, buffer, header=True)
    write_atomic(path, buffer.getvalue().encode())


def read_predictions(path: Path | str) -> list[Prediction]:
    """Read a ``predictions.csv``. Raises ResultError naming the line that does not hold."""
    path = Path(path)
    path = path / "predictions.csv" if path.is_dir() else path
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a mark
            return list(_rows(path, file))
    except OSError as error:
        raise ResultError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ResultError(f"{path} is no table of text: {error}") from error


def _rows(path: Path, file: Iterable[str]) -> Iterator[Prediction]:
    reader = csv.reader(file)
    head = next(reader, [])
    if missing := [c for c in PREDICTION_COLUMNS if c not in head]:
        raise ResultError(
            f"{path} has no column {', '.join(missing)}; it needs {','.join(PREDICTION_COLUMNS)}"
        )
    ours = itemgetter(*map(head.index, PREDICTION_COLUMNS))
    for row in reader:
        if not row:
            continue
        try:
            dataset, video, clip, start, label, score, method, group, status = ours(row)
            number = float(score) if score else None
            if number is not None and not math.isfinite(number):
                raise ValueError(f"score {score} is no number")
            yield Prediction(
                dataset,
                video,
                int(clip),
                int(start) if start else None,
                int(label),
                number,
                method or None,
                group,
                status,
            )
        except IndexError:
            raise ResultError(
                f"{path}, line {reader.line_num}: {len(row)} cells of {len(head)}"
            ) from None
        except ValueError as error:
            raise ResultError(f"{path}, line {reader.line_num}: {error}") from error
