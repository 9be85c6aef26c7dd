"""A file of somebody's scores as it was written: columns, delimiters and names of all kinds.

Only its form is looked at here; ``check`` says whether it fits a dataset.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dfbench.data.lists import read_text
from dfbench.errors import ResultError

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "video": ("video", "filename", "file", "path", "id", "name"),
    "score": ("score", "prob", "probability", "pred", "prediction", "p_fake", "fake_prob"),
    "label": ("label", "target", "ground_truth"),
    "clip": ("clip",),
    "start_frame": ("start_frame", "frame"),
    "method": ("method",),
    "status": ("status",),
}
"""What each column may be called, in any case; its own name comes first and wins."""
_IGNORED = ("dataset", "group")  # of predictions.csv: the dataset itself knows better
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line, its values as texts; empty where there is none."""

    line: int
    video: str
    score: str
    label: str = ""
    clip: str = ""
    start_frame: str = ""
    method: str = ""
    status: str = ""


@dataclass(frozen=True)
class ScoreFile:
    """places: the columns that are used, each with its place. short: lines that lack a value.
    notes: columns under other names, and those that are not used."""

    path: Path
    rows: list[ScoreRow]
    places: Mapping[str, int]
    short: list[int]
    notes: tuple[str, ...]


def read_score_file(path: Path, score_column: str | None = None) -> ScoreFile:
    """A CSV with a header, UTF-8 with or without a byte-order mark, parted by ``,`` ``;`` or tabs.

    Raises ResultError when its first line does not say what is video and what is score, DataError
    when it is no text.
    """
    text = read_text(path)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, values) for values in reader if any(map(str.strip, values))]
    except csv.Error as error:
        raise ResultError(f"{path}, line {reader.line_num} cannot be read: {error}") from error
    places = _places(path, header, score_column)
    if "score" not in places:
        raise ResultError(_no_score(path, lines, places))
    last = max(places.values())
    short = [number for number, values in lines if len(values) <= last]
    rows = [
        ScoreRow(number, **{name: values[i].strip() for name, i in places.items()})
        for number, values in lines
        if len(values) > last
    ]
    if not rows:
        raise ResultError(f"{path} holds no scores")
    if delimiter == ";":  # where 0.5 is written 0,5
        rows = [replace(row, score=row.score.replace(",", ".")) for row in rows]
    return ScoreFile(path, rows, places, short, tuple(_notes(header, places)))


def _places(path: Path, header: Sequence[str], score_column: str | None) -> dict[str, int]:
    """Where each column stands. Raises ResultError for one that stands twice."""
    names = [name.lower() for name in header]
    wanted = dict(COLUMNS)
    if score_column is not None:
        if score_column.lower() not in names:
            raise ResultError(f"{path} has no column {score_column}; it has {', '.join(header)}")
        taken = score_column.lower()
        wanted = {n: tuple(s for s in spellings if s != taken) for n, spellings in wanted.items()}
        wanted["score"] = (taken,)
    places = {}
    for name, spellings in wanted.items():
        found = [i for i, title in enumerate(names) if title in spellings]
        own = [i for i in found if names[i] == name]
        if len(found) > 1 and len(own) != 1:
            several = " and ".join(header[i] for i in found)
            raise ResultError(
                f"{path}: {several} may each be the {name}: rename the one that is to {name}"
            )
        if found:
            places[name] = (own or found)[0]
    if "video" not in places:
        raise ResultError(
            f"{path}: its first line must name the columns video and score (clip, label, "
            f"start_frame and method may follow), not {', '.join(header)[:200]!r}"
        )
    return places


def _no_score(path: Path, lines: Sequence[tuple[int, list[str]]], places: Mapping[str, int]) -> str:
    at = places.get("label", -1)
    values = [values[at] for _, values in lines if 0 <= at < len(values)]
    if any(re.fullmatch(r"\s*[01]?[.,]\d*[1-9]\d*\s*", value) for value in values):
        return (
            f"{path} has no column score, and fractions in its column label: if these are the "
            "scores, say so with --score-column label"
        )
    return f"{path} has no column score: rename it so, or say which it is with --score-column NAME"


def _notes(header: Sequence[str], places: Mapping[str, int]) -> Iterator[str]:
    for name, i in places.items():
        if header[i].lower() != name:
            yield f"its column {header[i]!r} was read as {name}"
    unused = [
        name
        for i, name in enumerate(header)
        if i not in places.values() and name.lower() not in _IGNORED and name
    ]
    if unused:
        yield f"columns that were not used: {', '.join(unused)}"


EXAMPLES = 3


@dataclass
class Problems:
    """By what they are: examples in the order of the file. lost: rows that are left out."""

    found: dict[str, list[str]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, row: ScoreRow, detail: str = "") -> None:
        self.found.setdefault(what, []).append(f"line {row.line}: {detail or row.video}")

    def lines(self) -> list[str]:
        return [
            f"{len(all_)} {what} ({'; '.join(all_[:EXAMPLES])}{'; …' * (len(all_) > EXAMPLES)})"
            for what, all_ in self.found.items()
        ]

    def left_out(self) -> list[str]:
        return [f"{number} rows were left out: they {what}" for what, number in self.lost.items()]
