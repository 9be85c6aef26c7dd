"""What a video file says about itself, read in about a millisecond, without decoding.

``read_header`` never raises: whatever is wrong with a file is its ``fault``, a key of ``FAULTS``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.logging import set_level
from av.stream import Disposition

from dfbench.errors import VideoError
from dfbench.video.containers import promised_size
from dfbench.video.pictures import Pictures, is_pictures, picture_files

set_level(None)  # FFmpeg's complaints become a fault, and stay off the terminal

FAULTS = {
    "missing": "not on disk",
    "no_access": "cannot be read from this disk",
    "no_file": "neither a file nor a folder of pictures",
    "zero_bytes": "empty",
    "cut_short": "cut short",
    "not_a_video": "no video of any known format",
    "no_video_stream": "sound without pictures",
    "no_decoder": "coded in a way that this FFmpeg does not know",
    "no_frames": "without frames",
    "undecodable": "not one frame can be decoded",
}
"""What can be wrong with a file."""

_CRF = re.compile(rb"x264 - core[^\0]*? (?:crf|qp)=(\d+(?:\.\d+)?)")
_EXTRA = Disposition.attached_pic  # the cover of a song is no video


@dataclass(frozen=True, slots=True)
class Header:
    """A file as its header describes it. ``fault`` is empty for one that can be read.

    size: bytes on disk, of all pictures of a folder. frames: 0 where the header has no count, as
    in Matroska. crf: x264's constant rate factor (or quantiser), which it writes into the first
    frame; None where another encoder made the file. decoded, bad_frames: after a deep look.
    """

    size: int = 0
    fault: str = ""
    detail: str = ""
    format: str = ""
    codec: str = ""
    frames: int = 0
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    crf: float | None = None
    decoded: int = 0
    bad_frames: int = 0


def read_header(path: Path, deep: bool = False) -> Header:
    """The header of a video, or of a folder of pictures. ``deep`` decodes every frame as well."""
    try:
        about = path.stat()
        if is_pictures(path):
            with _silent():
                return _pictures(path, deep)
        if not stat.S_ISREG(about.st_mode):  # a pipe would wait for ever
            return Header(fault="no_file")
        if not about.st_size:
            return Header(fault="zero_bytes")
        with path.open("rb", buffering=0) as file:
            promised = promised_size(file, about.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return Header(fault="missing")
    except OSError as error:
        return Header(fault="no_access", detail=error.strerror or "")
    if promised > about.st_size:
        of = f"{about.st_size:,} of {promised:,} bytes"
        return Header(about.st_size, "cut_short", of)
    return _video(path, about.st_size, deep)


def _video(path: Path, size: int, deep: bool) -> Header:
    # "file:" and the white list: neither a name nor a playlist inside leads elsewhere.
    options = {"protocol_whitelist": "file"}
    if not deep:  # on opening FFmpeg would decode a frame, to know more than is asked here
        options |= {"skip_frame": "all", "threads": "1"}
    try:
        with av.open(f"file:{path}", metadata_errors="replace", options=options) as file:
            return replace(_contents(file, deep), size=size)
    except av.FFmpegError as error:
        return Header(size, "not_a_video", str(error.strerror or ""))
    except (ValueError, OverflowError, MemoryError) as error:  # impossible numbers
        return Header(size, "not_a_video", str(error))


def _contents(file: Any, deep: bool) -> Header:
    name = str(file.format.name)
    if not file.streams:  # the format is known, but its index never came
        return Header(fault="cut_short", detail="no index", format=name)
    if name.endswith("_pipe"):
        return Header(fault="not_a_video", detail=f"a picture ({name[:-5]})", format=name)
    streams = [s for s in file.streams.video if not s.disposition & _EXTRA]
    if not streams:
        return Header(fault="no_video_stream", format=name)
    stream, coded = streams[0], streams[0].codec_context
    if coded is None:
        return Header(fault="no_decoder", format=name)
    packets = file.demux(stream)
    first = next((packet for packet in packets if packet.size), None)
    header = Header(
        format=name,
        codec=coded.name,
        frames=stream.frames,
        width=coded.width,
        height=coded.height,
        seconds=(file.duration or 0) / av.time_base,
        crf=None if first is None else x264_crf(bytes(first)),
    )
    if first is None or not coded.width:
        return replace(header, fault="no_frames")
    if deep:
        coded.thread_count = 1  # the videos are the parallel dimension
        return _with_frames(header, *_decode(chain([first], packets)))
    return header


def x264_crf(data: bytes) -> float | None:
    """The rate factor that x264 wrote into a stream, or its quantiser (``crf=0`` becomes ``qp=0``);
    None where there is none."""
    found = _CRF.search(data)
    return float(found[1]) if found else None


def _decode(packets: Iterable[Any]) -> tuple[int, int]:
    """(frames that decode, frames that do not), holding one at a time."""
    good = bad = 0
    try:
        for packet in packets:
            try:
                for picture in packet.decode():
                    bad += bool(picture.is_corrupt)
                    good += not picture.is_corrupt
            except av.FFmpegError:
                bad += 1
    except av.FFmpegError:  # the file itself cannot be read any further
        bad += 1
    return good, bad


def _with_frames(header: Header, good: int, bad: int) -> Header:
    fault = "" if good else "undecodable"
    return replace(header, decoded=good, bad_frames=bad, fault=fault)


def _pictures(path: Path, deep: bool) -> Header:
    files = picture_files(path) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    if not files:
        return Header(fault="no_frames", detail="a folder without pictures")
    try:
        pictures = Pictures(path)
        height, width = pictures.frame(0).shape[:2]
    except VideoError as error:
        if not deep or len(files) == 1:
            return Header(size, "undecodable" if size else "zero_bytes", str(error))
        height = width = 0
    header = Header(
        size,
        format="pictures",
        codec=files[0].suffix.lower().lstrip("."),
        frames=len(files),
        width=width,
        height=height,
    )
    if not deep:
        return header
    good = sum(_decodes(pictures, number) for number in range(len(files)))
    return _with_frames(header, good, len(files) - good)


def _decodes(pictures: Pictures, number: int) -> bool:
    try:
        pictures.frame(number)
    except VideoError:
        return False
    return True


@contextmanager
def _silent() -> Iterator[None]:
    """libpng and OpenCV write their complaints about a damaged picture to the terminal."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
