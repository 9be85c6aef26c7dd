"""Where the face is: running a face detector over frames, and following one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.records import Faces, FaceTrack, VideoRecord
from dfbench.errors import PluginError

Box = NDArray[np.float32]
Track = list[tuple[int, int]]
"""One person: (position of the frame, index of the face in it), rising."""

LEAST_OVERLAP = 0.3
LEAST_SEEN = 0.1
"""Share of the sampled frames that makes someone more than a passer-by or a false alarm."""
_ALIKE = 0.6  # the smaller of two faces is at least this share of the larger, side by side


@runtime_checkable
class ImageFaces(Protocol):
    """A face detector that needs the pictures alone. Where it has an attribute ``batch_size``, it
    is given so many pictures at once, else one at a time."""

    def detect(self, images: NDArray[np.uint8]) -> list[Faces]:
        """Faces in each of ``images`` uint8 [N, H, W, 3] (RGB)."""
        ...


@runtime_checkable
class RecordFaces(Protocol):
    """A face detector that knows the dataset: boxes it ships, or the middle of the picture."""

    def locate(
        self, record: VideoRecord, frames: Sequence[int], size: tuple[int, int]
    ) -> list[Faces]:
        """Faces in each of ``frames`` of a video whose pictures are ``size`` = (height, width)."""
        ...


def check_faces(found: object, expected: int, name: str) -> list[Faces]:
    """What a face detector returned, checked. Raises PluginError naming what is wrong."""
    if not isinstance(found, list) or len(found) != expected:
        raise PluginError(f"face detector {name!r} must return one Faces for each image")
    for faces in found:
        if not isinstance(faces, Faces):
            raise PluginError(f"face detector {name!r} returned {type(faces).__name__}, not Faces")
        count = len(faces.boxes)
        shapes = np.shape(faces.boxes), np.shape(faces.landmarks), np.shape(faces.scores)
        points = shapes[1][1] if len(shapes[1]) == 3 and shapes[1][1] in (5, 68) else 5
        if shapes != ((count, 4), (count, points, 2), (count,)):
            raise PluginError(f"face detector {name!r} returned shapes {shapes}")
        if not (np.isfinite(faces.boxes).all() and np.isfinite(faces.landmarks).all()):
            raise PluginError(f"face detector {name!r} returned places that are no numbers")
    return found


def iou(box: Box, boxes: Box) -> NDArray[np.float32]:
    """Intersection over union, float32 [N] in 0..1, of ``box`` [4] with each of ``boxes`` [N, 4]:
    x0, y0, x1, y1 in pixels."""
    corner = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = np.clip(corner, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    result: NDArray[np.float32] = (both / np.maximum(areas - both, 1e-9)).astype(np.float32)
    return result


def main_track(frames: Sequence[int], found: Sequence[Faces]) -> FaceTrack | None:
    """The main subject: faces linked from frame to frame, the largest and longest track.

    frames: rising frame numbers; found: the faces in each. None when no face was found at all.
    The track covers every frame given: where its face was missed, box and landmarks are
    interpolated between the neighbours in time (held constant beyond the ends), score 0.
    """
    tracks = _by_presence(found)
    return _fill(np.asarray(frames, np.int64), found, tracks[0], 0) if tracks else None


def all_tracks(frames: Sequence[int], found: Sequence[Faces]) -> list[FaceTrack]:
    """Everyone who is seen in at least ``LEAST_SEEN`` of the frames, and the main subject in any
    case, which comes first; each track is as ``main_track`` gives it."""
    tracks = _by_presence(found)
    kept = [t for i, t in enumerate(tracks) if i == 0 or len(t) >= LEAST_SEEN * len(frames)]
    return [_fill(np.asarray(frames, np.int64), found, track, i) for i, track in enumerate(kept)]


def _by_presence(found: Sequence[Faces]) -> list[Track]:
    """All tracks, the largest and longest first: by the sum of their faces' sides."""

    def presence(track: Track) -> float:
        return float(sum(_area(found[i].boxes[j]) ** 0.5 for i, j in track))

    return sorted(link(found), key=presence, reverse=True)


def link(found: Sequence[Faces]) -> list[Track]:
    """Tracks as lists of (position in ``found``, index of the face), linked greedily.

    Of all pairs of a face and the latest face of a track the closest is linked first. Every face
    belongs to exactly one track. Sampled frames can lie far apart, so two faces go together when
    they overlap, or are of one size and less than one side apart, or are alone in both frames.
    """
    tracks: list[Track] = []
    for i, faces in enumerate(found):
        pairs = sorted(
            (
                (-value, -track[-1][0], t, j)
                for t, track in enumerate(tracks)
                for j, value in enumerate(_nearness(track, found, faces))
                if value > 0
            )
        )
        taken: dict[int, int] = {}
        for _, _, t, j in pairs:
            if j not in taken and t not in taken.values():
                taken[j] = t
        for j in range(len(faces)):
            if j in taken:
                tracks[taken[j]].append((i, j))
            else:
                tracks.append([(i, j)])
    return tracks


def _nearness(track: Track, found: Sequence[Faces], faces: Faces) -> list[float]:
    """How well each of ``faces`` continues the track: above 0 where it may, overlap before
    closeness before being alone."""
    at, index = track[-1]
    last = found[at].boxes[index]
    if not len(faces):
        return []
    overlap = iou(last, faces.boxes)
    sides = np.maximum(np.sqrt(_areas(faces.boxes)), 1e-6)
    side = max(_area(last) ** 0.5, 1e-6)
    away = (faces.boxes[:, :2] + faces.boxes[:, 2:] - last[:2] - last[2:]) / 2
    distance = np.sqrt((away**2).sum(1)) / np.minimum(sides, side)
    alike = (sides / side > _ALIKE) & (side / sides > _ALIKE)
    near = np.where(alike & (distance < 1), 0.1 * (1 - distance), 0.0)
    alone = 1e-3 if len(faces) == 1 and len(found[at]) == 1 else 0.0
    value = np.where(overlap >= LEAST_OVERLAP, 1 + overlap, near)
    return np.maximum(value, alone).tolist()  # type: ignore[no-any-return]


def _area(box: Box) -> float:
    return float(_areas(box[None])[0])


def _areas(boxes: Box) -> NDArray[np.float32]:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)  # type: ignore[no-any-return]


def _fill(
    frames: NDArray[np.int64], found: Sequence[Faces], track: Track, number: int
) -> FaceTrack:
    seen = np.array([i for i, _ in track])
    boxes = np.stack([found[i].boxes[j] for i, j in track]).astype(np.float64)
    marks = np.stack([found[i].landmarks[j] for i, j in track]).astype(np.float64)
    flat = np.concatenate([boxes, marks.reshape(len(track), -1)], axis=1)
    full = np.stack([np.interp(frames, frames[seen], column) for column in flat.T], axis=1)
    scores = np.zeros(len(frames), np.float32)
    scores[seen] = [found[i].scores[j] for i, j in track]
    full = full.astype(np.float32)
    points = full[:, 4:].reshape(len(frames), -1, 2)
    return FaceTrack(frames, full[:, :4], points, scores, number)
