"""One video made into stored face clips: read the sampled frames, find the faces, cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import ClipSpec, FaceDetectorCard
from dfbench.catalogue.records import Faces, FaceTrack, Status, VideoRecord
from dfbench.errors import VideoError
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.geometry import crop, square
from dfbench.faces.tracks import ImageFaces, RecordFaces, all_tracks, check_faces, main_track
from dfbench.faces.windows import sample_windows
from dfbench.video.pictures import Pictures
from dfbench.video.reader import READER, Video, open_video

FRAME_BUDGET = 400 << 20
"""Bytes of decoded frames one task keeps; beyond it frames are decoded again when they are cut."""

Crops = dict[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class FaceFinder:
    """A face detector ready to travel to a worker process: its card and its weights.

    all_faces: keep everyone who is seen for a while, not the main subject alone.
    """

    card: FaceDetectorCard
    weights: Path | None = None
    all_faces: bool = False

    @property
    def label(self) -> str:
        return f"{self.card.name} {self.card.version}{' all faces' if self.all_faces else ''}"


def make_clips(
    record: VideoRecord, clip: ClipSpec, finder: FaceFinder, like: StoredVideo | None = None
) -> tuple[StoredVideo, Crops]:
    """What the store keeps of a video, and its crops by member name. Never raises for a video that
    cannot be used: the status says so.

    like: the original a fake was made from, as stored. Where both have the same number of frames
    and the same size its faces are taken over, else they are looked for.
    """
    cv2.setNumThreads(1)  # the videos are the parallel dimension
    about: dict[str, Any] = {"reader": READER, "faces": finder.label}
    try:
        with open_video(record.path) as video:
            numbers = sample_windows(len(video), clip)
            frames = _Frames(video, numbers)
            about |= {"frame_count": len(video), "fps": video.fps}
            if like is not None and like.status == "ok" and like.frame_count == len(video):
                frames.fill()
                if (frames.width, frames.height) == (like.width, like.height):
                    about |= {"faces": f"{finder.label} of {like.video}"}
                    windows, crops = _cut_like(like, frames)
                    return _stored(record, video, frames, windows, about), crops
            tracks = _locate(record, frames, finder)
            windows, crops = _cut(numbers, tracks, frames)
            return _stored(record, video, frames, windows, about), crops
    except VideoError as error:
        return StoredVideo(record.id, "unreadable", str(error), **about), {}


def _stored(
    record: VideoRecord,
    video: Video | Pictures,
    frames: _Frames,
    windows: list[StoredWindow],
    about: dict[str, Any],
) -> StoredVideo:
    lost = sum(not window.files for window in windows)
    status: Status = "ok" if lost < len(windows) else "unreadable"
    said = []
    if not windows:
        status = "no_face" if frames.readable else "unreadable"
        said += [] if frames.readable else ["none of its sampled frames can be decoded"]
    if video.promised > len(video):
        said.append(f"cut short: {len(video)} of {video.promised} frames are there")
    if lost:
        said.append(f"{lost} of {len(windows)} clips have unreadable frames")
    return StoredVideo(
        record.id,
        status,
        "; ".join(said),
        width=frames.width,
        height=frames.height,
        windows=windows,
        **about,
    )


class _Frames:
    """The sampled frames of a video, read once in order and kept as far as ``FRAME_BUDGET`` goes.

    width, height: of the pictures, known after the first. readable: how many could be read.
    """

    def __init__(self, video: Video | Pictures, numbers: NDArray[np.int64]) -> None:
        self.video = video
        self.numbers: list[int] = np.unique(numbers).tolist()
        self.width = self.height = self.readable = 0
        self._kept: dict[int, NDArray[np.uint8] | None] = {}

    def fill(self) -> None:
        for _ in self:
            pass

    def __iter__(self) -> Any:
        """(number, picture) of those that can be read, in order."""
        size = 0
        for number, image in self.video.read(self.numbers):
            if image is not None:
                self.height, self.width = image.shape[:2]
                self.readable += 1
                size += image.nbytes
            if size <= FRAME_BUDGET:
                self._kept[number] = image
            if image is not None:
                yield number, image

    def window(self, wanted: Sequence[int]) -> list[NDArray[np.uint8]] | None:
        """The pictures of one clip, or None when one of them cannot be read."""
        again = sorted(set(wanted) - set(self._kept))
        there = {number: self._kept.get(number) for number in wanted}
        there.update(self.video.read(again))
        pictures = [image for number in wanted if (image := there[number]) is not None]
        return pictures if len(pictures) == len(wanted) else None


@cache
def _detector(card: FaceDetectorCard, weights: Path | None) -> ImageFaces | RecordFaces:
    """The face detector of this process, built once."""
    detector: ImageFaces | RecordFaces = card.resolve()(weights)
    return detector


def needs_record(finder: FaceFinder) -> bool:
    """Whether the faces depend on what the dataset ships beside the video."""
    return isinstance(_detector(finder.card, finder.weights), RecordFaces)


def _locate(record: VideoRecord, frames: _Frames, finder: FaceFinder) -> list[FaceTrack]:
    """The people to keep, the main subject first; none when nobody was found."""
    detector = _detector(finder.card, finder.weights)
    name = finder.card.name
    if isinstance(detector, RecordFaces):
        frames.fill()
        if not frames.readable:
            return []
        seen = frames.numbers
        found = detector.locate(record, seen, (frames.height, frames.width))
        check_faces(found, len(seen), name)
    else:
        seen, found = _detect(detector, frames, name)
    if finder.all_faces:
        return all_tracks(seen, found)
    main = main_track(seen, found)
    return [] if main is None else [main]


def _detect(detector: ImageFaces, frames: _Frames, name: str) -> tuple[list[int], list[Faces]]:
    step = getattr(detector, "batch_size", 1)
    seen: list[int] = []
    found: list[Faces] = []
    waiting: list[NDArray[np.uint8]] = []

    def flush() -> None:
        if waiting:
            # A batch of one is a view: no copy of 6 MB for each frame.
            images = waiting[0][None] if len(waiting) == 1 else np.stack(waiting)
            found.extend(check_faces(detector.detect(images), len(images), name))
            waiting.clear()

    for number, image in frames:
        seen.append(number)
        waiting.append(image)
        if len(waiting) == step:
            flush()
    flush()
    return seen, found


def _cut(
    numbers: NDArray[np.int64], tracks: Sequence[FaceTrack], frames: _Frames
) -> tuple[list[StoredWindow], Crops]:
    """Windows track by track. The main subject has all; others those in which they are seen."""
    windows: list[StoredWindow] = []
    crops: Crops = {}
    for track in tracks:
        for w, wanted in enumerate(numbers):
            rows = np.clip(np.searchsorted(track.frames, wanted), 0, len(track.frames) - 1)
            if track.track and not track.scores[rows].any():
                continue
            boxes, marks = track.boxes[rows], track.landmarks[rows]
            place = square(boxes)
            x, y, _ = place
            number = track.track * len(numbers) + w
            files, scale = _crops(number, frames.window(wanted.tolist()), place, crops)
            windows.append(
                StoredWindow(
                    wanted.tolist(),
                    list(place),
                    _rounded((boxes - [x, y, x, y]) * scale),
                    _rounded((marks - [x, y]) * scale),
                    _rounded(track.scores[rows]),
                    files,
                    clip=number,
                )
            )
    return windows, crops


def _cut_like(like: StoredVideo, frames: _Frames) -> tuple[list[StoredWindow], Crops]:
    """The windows of an original, cut from its fake: the same frames, the same places."""
    windows: list[StoredWindow] = []
    crops: Crops = {}
    for window in like.windows:
        x, y, side = window.square
        files, _ = _crops(window.clip, frames.window(window.numbers), (x, y, side), crops)
        windows.append(replace(window, files=files))
    return windows, crops


def _crops(
    clip: int, pictures: list[NDArray[np.uint8]] | None, place: tuple[int, int, int], crops: Crops
) -> tuple[list[str], float]:
    """Cut the pictures of one clip at ``place`` into ``crops``; their names, and their scale."""
    files: list[str] = []
    scale = 1.0
    for t, image in enumerate(pictures or ()):
        files.append(f"clip{clip:02d}/frame{t:02d}.png")
        crops[files[-1]], scale = crop(image, *place)
    return files, scale


def _rounded(values: NDArray[np.floating]) -> Any:
    # A hundredth of a pixel is below what any detector can tell, and keeps the JSON small.
    return np.round(np.asarray(values, np.float64), 2).tolist()
