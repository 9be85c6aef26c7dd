"""Reading the lists and folders that datasets come with, as they are found on people's disks."""

from __future__ import annotations

import csv
import difflib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dfbench.errors import DataError, OptionError
from dfbench.video.endings import is_video_name


def read_text(file: Path) -> str:
    """A UTF-8 text, with or without a byte-order mark, any line endings.

    Raises DataError when it is not there, cannot be read, or is no text.
    """
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file} does not exist") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file} cannot be read: save it as UTF-8, or get it again") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error


def read_lines(file: Path) -> list[str]:
    """The lines of a text that hold something, without the spaces around them. Raises what
    ``read_text`` raises."""
    return [line.strip() for line in read_text(file).splitlines() if line.strip()]


def read_json(file: Path, kind: type[Any]) -> Any:
    """A JSON file whose top is a ``kind`` (dict or list). Raises DataError when it is not, or when
    a name stands twice in one of its tables."""
    text = read_text(file)
    try:
        data = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is damaged: {error}") from error
    if not isinstance(data, kind):
        want = "a table" if kind is dict else "a list"
        raise DataError(f"{file} must hold {want}, not a {type(data).__name__}")
    return data


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table of a JSON file: of a name that stands twice one entry would be lost unseen."""
    table = dict(pairs)
    if len(table) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{twice!r} stands twice in it")
    return table


def read_rows(
    file: Path, columns: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV with a header as (line number, values by column), without spaces around them.

    columns: what each is called here, and the names it may have in the file, in any case.
    Raises DataError when the first line does not name each once, or a row is short of one.
    """
    # Not by splitlines(), which breaks a line at U+2028 and the like, as names may hold them.
    reader = csv.reader(io.StringIO(read_text(file), newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        places = {}
        for name, spellings in columns.items():
            found = [i for i, title in enumerate(header) if title in spellings]
            if len(found) != 1:
                wanted = " or ".join(spellings)
                raise DataError(f"{file}: its first line must name a column {wanted}, and one only")
            places[name] = found[0]
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            if len(row) <= max(places.values()):
                raise DataError(f"{file}, line {reader.line_num}: a value is lacking: {row}")
            yield reader.line_num, {name: row[i].strip() for name, i in places.items()}
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num} cannot be read: {error}") from error


def named_videos(folder: Path, pattern: str, like: str) -> dict[str, Path]:
    """The videos in ``folder`` by name: in lower case, without the ending.

    pattern: what the whole of a name must match. like: an example, for the error.
    Raises DataError when a name does not match, or two files are one video by their names
    (``a.mp4`` and ``a.MP4``): unseen, the copy of a test video would be trained on.
    """
    found: dict[str, Path] = {}
    for path in videos_in(folder):
        name = path.stem.lower()
        if not re.fullmatch(pattern, name, re.ASCII):
            raise DataError(
                f"{path} is not named as the dataset's videos are ({like}): move it away"
            )
        if name in found:
            raise DataError(f"{path} and {found[name].name} are one video: move one away")
        found[name] = path
    return found


def videos_in(folder: Path) -> list[Path]:
    """Video files directly in ``folder``, in order of name; none when there is no such folder.

    Endings in any case; hidden files, AppleDouble (``._x.mp4``) and Windows zone files
    (``x.mp4:Zone.Identifier``) are not videos. Links count as what they point to, also when that
    is gone: a video that is listed and missing is seen by ``data check``.
    """
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if is_video_name(path) and not path.is_dir()]


def videos_by_stem(folder: Path) -> dict[str, Path]:
    """The videos of ``videos_in`` by their name without its ending, which differs between copies.

    Raises DataError when two have one name: nothing says which of them is meant.
    """
    found: dict[str, Path] = {}
    for path in videos_in(folder):
        other = found.setdefault(path.stem, path)
        if other is not path:
            raise DataError(f"{other} and {path.name} have one name: move one of them away")
    return found


def videos_below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Video files anywhere below ``folder``, in order, hidden folders left out. Links to folders
    are followed, but not round in a circle (``above``: the folders this one was reached through).

    Raises DataError for a folder that may not be looked into: its videos would be lost unseen.
    """
    if not folder.is_dir() or (real := folder.resolve()) in above:
        return
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (entry.name, Path(entry).is_dir() if entry.is_symlink() else entry.is_dir())
                for entry in entries
            )
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror}") from error
    for name, is_folder in found:
        if is_folder and not name.startswith("."):
            yield from videos_below(folder / name, (*above, real))
        elif not is_folder and is_video_name(Path(name)):
            yield folder / name


def choose_options(option: str, text: str, among: Sequence[str]) -> list[str]:
    """The names that ``text`` lists, parted by ``+`` or ``,`` (the first fits into
    ``name:key=A+B``), in any case; each once, in the order of ``among``.

    Raises OptionError, with the near matches, for a name that is not among them, and for none.
    """
    known = {name.lower(): name for name in among}
    asked = [part.strip() for part in re.split(r"[+,]", text) if part.strip()]
    for part in asked or [text]:
        if part.lower() not in known:
            near = difflib.get_close_matches(part.lower(), known, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(known[name] for name in near)}?" if near else ""
            raise OptionError(
                f"option {option} knows no {part!r}.{hint} There are: {', '.join(among)}"
            )
    wanted = {part.lower() for part in asked}
    return [name for low, name in known.items() if low in wanted]


def choose_option(option: str, text: str, among: Sequence[str]) -> str:
    """The one of ``among`` that ``text`` names, in any case. Raises OptionError."""
    chosen = choose_options(option, text, among)
    if len(chosen) > 1:
        raise OptionError(f"option {option} takes one of {', '.join(among)}, not {text!r}")
    return chosen[0]


def deeper(root: Path, mark: str) -> Path | None:
    """The folder one or two levels below ``root`` that holds ``mark``: where an archive unpacked
    into a folder of its own; for "Did you mean". Links are not followed up."""
    for pattern in (f"*/{mark}", f"*/*/{mark}"):
        for found in sorted(root.glob(pattern)):
            return found.parents[len(Path(mark).parts) - 1]
    return None


def did_you_mean(root: Path, *marks: str) -> str:
    """`` Did you mean DIR?`` where one of ``marks`` lies one or two levels below ``root`` or above
    it, else empty."""
    for mark in marks:
        if root.is_dir() and (place := deeper(root, mark)):
            return f" Did you mean {place}?"
        for place in root.absolute().parents[:2]:
            if (place / mark).exists():
                return f" Did you mean {place}?"
    return ""
