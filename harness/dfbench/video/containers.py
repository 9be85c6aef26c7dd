"""Whether a video file ends before its own boxes do: a download that broke off.

A player would open such a file happily where the index comes first, and the loss would show only
hours later. A few bytes of each top-level box tell, so this costs nothing. Standard library only.
"""

from __future__ import annotations

from typing import BinaryIO

_MP4_BOXES = {b"ftyp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"uuid", b"sidx"}
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def promised_size(file: BinaryIO, size: int) -> int:
    """Bytes that the boxes of an MP4, AVI or Matroska file of ``size`` bytes speak of.

    More than ``size`` = cut short. 0 where it is another format or does not say.
    """
    file.seek(0)
    start = file.read(12)
    if start[4:8] in _MP4_BOXES:
        return _mp4(file, size)
    if start[:4] == b"RIFF" and start[8:] == b"AVI ":
        return 8 + int.from_bytes(start[4:8], "little")
    if start[:4] == _EBML:
        return _matroska(file)
    return 0


def _mp4(file: BinaryIO, size: int) -> int:
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(16)
        if head[4:8] not in _MP4_BOXES:  # something appended, of which nothing is known
            break
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0 = up to the end of the file; anything else is damage, seen on opening
            return size
        place += length
    return place


def _matroska(file: BinaryIO) -> int:
    file.seek(4)
    header = _vint(file)
    file.seek(header or 0, 1)
    if header is None or file.read(4) != _SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _vint(file: BinaryIO) -> int | None:
    """EBML's number of variable length; None where it is "unknown", as in a live recording."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    rest = file.read(more)
    value = int.from_bytes(bytes([first[0] & ((1 << (7 - more)) - 1)]) + rest, "big")
    return None if value == (1 << (7 * (more + 1))) - 1 else value
