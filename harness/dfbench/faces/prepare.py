"""From videos to face clips, for a whole dataset: in parallel, resumable, a row for every video.

Real and fake videos go through this one path. Each video is stored atomically and skipped next
time, so an interrupted ``prepare`` goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import Status, VideoRecord
from dfbench.errors import DataError, OptionError
from dfbench.faces.cut import FaceFinder, make_clips, needs_record
from dfbench.faces.file import StoredVideo
from dfbench.faces.geometry import STORE_MARGIN
from dfbench.faces.store import FaceStore
from dfbench.fanout import fan_out
from dfbench.video.fingerprint import fingerprint
from dfbench.video.reader import READER


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of one video after ``prepare``.

    key: its place in the face store, empty when the file is missing.
    starts: first source frame of each clip, or None where no frame could be sampled.
    usable: which clips have all their frames.
    clips: their numbers, 0, 1, 2 … unless several people are followed; see ``StoredWindow.clip``.
    faces: how the faces were found, empty when they were not looked for.
    size: width and height of the video, px; face: longer side of the main subject's face, px, in
        the middle clip; people: how many were followed. 0 = not known.
    """

    record: VideoRecord
    key: str
    status: Status
    detail: str
    starts: tuple[int | None, ...]
    usable: tuple[bool, ...]
    clips: tuple[int, ...] = ()
    faces: str = ""
    size: tuple[int, int] = (0, 0)
    face: int = 0
    people: int = 0

    def __post_init__(self) -> None:
        if not self.clips:
            object.__setattr__(self, "clips", tuple(range(len(self.starts))))

    @property
    def attributes(self) -> dict[str, str]:
        """The record's attributes, size and face, as texts: what numbers are broken down by."""
        width, height = self.size
        measured = {"width": width, "height": height, "face": self.face, "people": self.people}
        return {**{k: str(v) for k, v in measured.items() if v}, **self.record.attributes}


@dataclass(frozen=True)
class _How:
    """What all videos of one ``prepare`` share; travels to the workers."""

    clip: ClipSpec
    finder: FaceFinder
    store: FaceStore


def prepare(
    records: Sequence[VideoRecord],
    clip: ClipSpec,
    finder: FaceFinder,
    store: FaceStore,
    workers: int = 1,
    progress: Callable[[int], object] = lambda _: None,
    *,
    boxes_from_original: bool = False,
    backend: str = "local",
) -> list[Prepared]:
    """Make sure that every video is in the store; one ``Prepared`` a record, in their order.

    boxes_from_original: find faces once on the original and take them over for its fakes, where
        frame count and size agree. backend: ``local`` processes, or the ``ray`` cluster.

    A video that cannot be used is a row with its status, never an exception. Raises ResourceError
    when the store cannot be written, a worker was killed or Ray is not there, PluginError when the
    face detector misbehaves.
    """
    done: dict[str, Prepared] = {}
    how = _How(clip, finder, store)
    work = families(records) if boxes_from_original else [[record] for record in records]
    for family in fan_out(partial(_prepare_family, how=how), work, workers, backend=backend):
        done.update((item.record.id, item) for item in family)
        progress(len(family))
    return [done[record.id] for record in records]


def families(records: Sequence[VideoRecord]) -> list[list[VideoRecord]]:
    """Originals with the fakes made from them, the original first; a fake whose original is not
    among the records is a family of its own."""
    ids = {record.id for record in records}
    found: dict[str, list[VideoRecord]] = {}
    for record in records:
        head = record.original if record.original in ids else record.id
        found.setdefault(head or record.id, []).append(record)
    return [sorted(family, key=lambda r: r.id != head) for head, family in found.items()]


def shard(records: Sequence[VideoRecord], number: int, total: int) -> list[VideoRecord]:
    """Part ``number`` (from 1) of ``total``: disjoint, together everything, the same on every
    machine. An original and its fakes stay together. Raises OptionError outside 1..total."""
    if not 1 <= number <= total:
        raise OptionError(f"--shard {number}/{total}: the first number goes from 1 to the second")

    def place(record: VideoRecord) -> int:
        digest = hashlib.sha256((record.original or record.id).encode()).digest()
        return int.from_bytes(digest[:8], "big") % total

    return [record for record in records if place(record) == number - 1]


def _prepare_family(family: Sequence[VideoRecord], how: _How) -> list[Prepared]:
    head = prepare_video(family[0], how.clip, how.finder, how.store)
    return [
        head,
        *(
            prepare_video(
                record,
                how.clip,
                how.finder,
                how.store,
                head if record.original == head.record.id else None,
            )
            for record in family[1:]
        ),
    ]


def prepare_video(
    record: VideoRecord,
    clip: ClipSpec,
    finder: FaceFinder,
    store: FaceStore,
    original: Prepared | None = None,
) -> Prepared:
    """One video: looked up in the store, and made when it is not there.

    original: the one whose faces are taken over where the two videos agree.
    """
    try:
        content = _content(record, finder)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        why = "does not exist" if gone else f"cannot be read: {error.strerror}"
        status: Status = "missing" if gone else "unreadable"
        return _prepared(
            record, "", StoredVideo(record.id, status, f"{error.filename} {why}", READER, ""), clip
        )
    source = original.key if original else ""
    content += source
    key = store.key(content, finder.label, READER, clip)
    stored = store.read(key)
    if stored is None:
        stored, crops = make_clips(record, clip, finder, store.read(source) if source else None)
        store.write(key, stored, crops)
    _check_landmarks(stored, clip)
    return _prepared(record, key, stored, clip)


def _check_landmarks(stored: StoredVideo, clip: ClipSpec) -> None:
    found = len(stored.windows[0].landmarks[0]) if stored.windows else clip.landmarks
    if found < clip.landmarks:
        raise DataError(
            f"{clip.landmarks} landmarks are asked for, and {stored.faces} gives {found} "
            f"({stored.video}): use --faces given with a dataset that ships them, or the "
            "detector's option landmarks=5"
        )


def _content(record: VideoRecord, finder: FaceFinder) -> str:
    content = fingerprint(record.path)
    if record.boxes is not None and needs_record(finder):
        content += fingerprint(record.boxes)
    return content


def _prepared(record: VideoRecord, key: str, stored: StoredVideo, clip: ClipSpec) -> Prepared:
    if not stored.windows:
        none = (None,) * clip.windows, (False,) * clip.windows
        return Prepared(
            record,
            key,
            stored.status,
            stored.detail,
            *none,
            faces=stored.faces,
            size=(stored.width, stored.height),
        )
    people = {window.clip // clip.windows for window in stored.windows}
    main = [window for window in stored.windows if window.clip < clip.windows] or stored.windows
    return Prepared(
        record,
        key,
        stored.status,
        stored.detail,
        tuple(window.numbers[0] for window in stored.windows),
        tuple(bool(window.files) for window in stored.windows),
        tuple(window.clip for window in stored.windows),
        stored.faces,
        (stored.width, stored.height),
        round(main[len(main) // 2].square[2] / STORE_MARGIN),
        len(people),
    )
