"""The ZIP file of a submission: written the same each time, read as if an enemy had written it."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from dfbench import ResultError, write_atomic

ABOUT = "submission.json"
NEEDED = ("spec.json", "result.json", "predictions.csv")
MAY_HOLD = ("videos.csv", "validation.csv", "confidence.csv")
MEMBERS = (ABOUT, *NEEDED, *MAY_HOLD)
MOST_BYTES = 500_000_000
"""Of the file, and of all members together, unpacked."""
MOST_RATIO = 200
"""Unpacked bytes for a packed one; scores of real runs pack to a third."""
_DATE = (2020, 1, 1, 0, 0, 0)  # the same bytes each time


def write(file: Path, members: Mapping[str, bytes]) -> None:
    """Write the members atomically, in the order of their names. Raises OSError."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            about = zipfile.ZipInfo(name, _DATE)
            about.external_attr = 0o644 << 16
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, members[name])
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, buffer.getvalue())


def read(file: Path) -> dict[str, bytes]:
    """The members by name. Raises ResultError for a file that is no submission: another name than
    those known, one twice, a link, a password, more bytes than it may have or than it says."""
    if not file.is_file():
        raise ResultError(f"{file} is no file")
    if file.stat().st_size > MOST_BYTES:
        raise ResultError(f"{file} has more than {MOST_BYTES // 10**6} MB")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check(file, entries)
            members = {entry.filename: _bytes(file, archive, entry) for entry in entries}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise ResultError(f"{file} cannot be read as a ZIP: {error}") from error
    except OSError as error:
        raise ResultError(f"{file} cannot be read: {error.strerror or error}") from error
    if missing := [name for name in (ABOUT, *NEEDED) if name not in members]:
        raise ResultError(f"{file} is no submission: it lacks {', '.join(missing)}")
    return members


def _check(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if strange := [name for name in names if name not in MEMBERS]:
        raise ResultError(f"{file} is no submission: it holds {strange[0]!r}")
    if len(names) > len(set(names)):
        raise ResultError(f"{file} holds a file twice")
    for entry in entries:
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise ResultError(f"{file}: {entry.filename} is no plain file")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ResultError(f"{file}: {entry.filename} is packed in another way than deflate")
        if entry.flag_bits & 1:
            raise ResultError(f"{file}: {entry.filename} has a password")
        if entry.file_size > MOST_RATIO * max(entry.compress_size, 1) + 10_000:
            raise ResultError(f"{file}: {entry.filename} unpacks to more than it may")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise ResultError(f"{file} unpacks to more than {MOST_BYTES // 10**6} MB")


def _bytes(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as member:
        data = member.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise ResultError(f"{file}: {entry.filename} is not as long as it says")
    return data


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
