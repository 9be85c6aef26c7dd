"""From videos to face clips: decode the sampled frames, find the face, cut, store.

Real and fake videos go through this one path. Each video is one task, done in parallel, stored
atomically and skipped next time, so an interrupted ``prepare`` goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import joblib
import numpy as np
from numpy.typing import NDArray

from dfbench.cards import ClipSpec, FaceDetectorCard
from dfbench.clips import crop, square
from dfbench.errors import VideoError
from dfbench.faces import ImageFaces, RecordFaces, check_faces, main_track
from dfbench.records import Faces, FaceTrack, Status, VideoRecord
from dfbench.store import FaceStore, StoredVideo, StoredWindow, fingerprint, starts, store_key
from dfbench.video import READER, Video
from dfbench.windows import sample_windows

FRAME_BUDGET = 400 << 20
"""Bytes of decoded frames one task keeps; beyond it frames are decoded again when they are cut."""
_BATCH = 8


@dataclass(frozen=True)
class FaceFinder:
    """A face detector ready to travel to a worker process: its card and its weights."""

    card: FaceDetectorCard
    weights: Path | None = None

    @property
    def label(self) -> str:
        return f"{self.card.name} {self.card.version}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of one video after ``prepare``.

    key: its place in the face store, empty when the file is missing.
    starts: first source frame of each clip, or None where no frame could be sampled.
    usable: which clips have all their frames.
    """

    record: VideoRecord
    key: str
    status: Status
    detail: str
    starts: tuple[int | None, ...]
    usable: tuple[bool, ...]


def prepare(
    records: Sequence[VideoRecord],
    clip: ClipSpec,
    finder: FaceFinder,
    store: FaceStore,
    workers: int = 1,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Prepared]:
    """Make sure that every video is in the store; one ``Prepared`` a record, in their order.

    A video that cannot be used is a row with its status, never an exception. Raises ResourceError
    when the store cannot be written, PluginError when the face detector misbehaves.
    """
    done: dict[str, Prepared] = {}
    tasks = (joblib.delayed(prepare_video)(record, clip, finder, store) for record in records)
    pool = joblib.Parallel(
        n_jobs=min(workers, max(len(records), 1)), return_as="generator_unordered"
    )
    for item in pool(tasks):
        done[item.record.id] = item
        progress(1)
    return [done[record.id] for record in records]


def prepare_video(
    record: VideoRecord, clip: ClipSpec, finder: FaceFinder, store: FaceStore
) -> Prepared:
    """One task: look the video up in the store, and make it when it is not there."""
    try:
        content = fingerprint(record.path)
        if record.boxes is not None and isinstance(_detector(finder), RecordFaces):
            content += fingerprint(record.boxes)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        why = "does not exist" if gone else f"cannot be read: {error.strerror}"
        nothing = (None,) * clip.windows, (False,) * clip.windows
        status: Status = "missing" if gone else "unreadable"
        return Prepared(record, "", status, f"{error.filename} {why}", *nothing)
    key = store_key(content, finder.label, READER, clip)
    stored = store.read(key)
    if stored is None:
        stored, crops = _make(record, clip, finder)
        store.write(key, stored, crops)
    first: list[int | None] = list(starts(stored.windows)) or [None] * clip.windows
    usable = [bool(window.files) for window in stored.windows] or [False] * clip.windows
    return Prepared(record, key, stored.status, stored.detail, tuple(first), tuple(usable))


def _make(
    record: VideoRecord, clip: ClipSpec, finder: FaceFinder
) -> tuple[StoredVideo, dict[str, NDArray[np.uint8]]]:
    cv2.setNumThreads(1)  # the videos are the parallel dimension
    label = finder.label
    try:
        with Video(record.path) as video:
            numbers = sample_windows(len(video), clip)
            frames = _Frames(video)
            track = _locate(record, sorted(set(numbers.ravel().tolist())), frames, finder)
            about = (len(video), video.fps, frames.width, frames.height)
            if track is None:
                status: Status = "no_face" if frames.readable else "unreadable"
                return StoredVideo(record.id, status, "", READER, label, *about), {}
            windows, crops = _cut(numbers, track, frames)
    except VideoError as error:
        return StoredVideo(record.id, "unreadable", str(error), READER, label), {}
    lost = sum(not window.files for window in windows)
    status = "ok" if lost < len(windows) else "unreadable"
    detail = f"{lost} of {len(windows)} clips have unreadable frames" if lost else ""
    return StoredVideo(record.id, status, detail, READER, label, *about, windows), crops


class _Frames:
    """Frames of a video, kept once decoded as long as they fit into ``FRAME_BUDGET``."""

    def __init__(self, video: Video) -> None:
        self.video = video
        self.width = self.height = 0
        self.readable = 0
        self._kept: dict[int, NDArray[np.uint8] | None] = {}
        self._size = 0

    def __getitem__(self, number: int) -> NDArray[np.uint8] | None:
        if number in self._kept:
            return self._kept[number]
        _, image = next(self.video.read([number]))
        if image is not None:
            self.height, self.width = image.shape[:2]
            self.readable += 1
            self._size += image.nbytes
        if self._size <= FRAME_BUDGET:
            self._kept[number] = image
        return image


@cache
def _detector(finder: FaceFinder) -> ImageFaces | RecordFaces:
    """The face detector of this process, built once."""
    detector: ImageFaces | RecordFaces = finder.card.resolve()(finder.weights)
    return detector


def _locate(
    record: VideoRecord, numbers: list[int], frames: _Frames, finder: FaceFinder
) -> FaceTrack | None:
    detector = _detector(finder)
    name = finder.card.name
    if isinstance(detector, RecordFaces):
        first = next((image for n in numbers if (image := frames[n]) is not None), None)
        if first is None:
            return None
        known = detector.locate(record, numbers, (first.shape[0], first.shape[1]))
        return main_track(numbers, check_faces(known, len(numbers), name))
    seen: list[int] = []
    found: list[Faces] = []
    for begin in range(0, len(numbers), _BATCH):
        batch = [(n, image) for n in numbers[begin : begin + _BATCH]
                 if (image := frames[n]) is not None]  # fmt: skip
        seen += [n for n, _ in batch]
        for images in _same_size([image for _, image in batch]):
            found += check_faces(detector.detect(images), len(images), name)
    return main_track(seen, found) if seen else None


def _same_size(images: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Stacks [N, H, W, 3] of neighbours of one size: a video may change it on the way."""
    stacks: list[list[NDArray[np.uint8]]] = []
    for image in images:
        if stacks and stacks[-1][0].shape == image.shape:
            stacks[-1].append(image)
        else:
            stacks.append([image])
    return [np.stack(stack) for stack in stacks]


def _cut(
    numbers: NDArray[np.int64], track: FaceTrack, frames: _Frames
) -> tuple[list[StoredWindow], dict[str, NDArray[np.uint8]]]:
    windows: list[StoredWindow] = []
    crops: dict[str, NDArray[np.uint8]] = {}
    for w, wanted in enumerate(numbers):
        rows = np.clip(np.searchsorted(track.frames, wanted), 0, len(track.frames) - 1)
        boxes, marks = track.boxes[rows], track.landmarks[rows]
        x, y, side = square(boxes)
        pictures = [frames[int(n)] for n in wanted]
        files: list[str] = []
        scale = 1.0
        for t, image in enumerate(pictures):
            if image is not None and all(p is not None for p in pictures):
                files.append(f"clip{w:02d}/frame{t:02d}.png")
                crops[files[-1]], scale = crop(image, x, y, side)
        windows.append(
            StoredWindow(
                [int(n) for n in wanted],
                [x, y, side],
                _rounded((boxes - [x, y, x, y]) * scale),
                _rounded((marks - [x, y]) * scale),
                _rounded(track.scores[rows]),
                files,
            )
        )
    return windows, crops


def _rounded(values: NDArray[np.floating]) -> Any:
    # A hundredth of a pixel is below what any detector can tell, and keeps the JSON small.
    return np.round(np.asarray(values, np.float64), 2).tolist()


def default_workers() -> int:
    """Processes that this machine runs side by side: its cores, or those this job may use."""
    return int(joblib.cpu_count())
