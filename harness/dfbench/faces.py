"""Where the face is: running a face detector over frames, and following one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dfbench.errors import PluginError
from dfbench.records import Faces, FaceTrack, VideoRecord

Box = NDArray[np.float32]


@runtime_checkable
class ImageFaces(Protocol):
    """A face detector that needs the pictures alone."""

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
        if shapes != ((count, 4), (count, 5, 2), (count,)):
            raise PluginError(f"face detector {name!r} returned shapes {shapes}")
        if not (np.isfinite(faces.boxes).all() and np.isfinite(faces.landmarks).all()):
            raise PluginError(f"face detector {name!r} returned places that are no numbers")
    return found


def iou(box: Box, boxes: Box) -> NDArray[np.float32]:
    """Intersection over union of ``box`` [4] with each of ``boxes`` [N, 4]."""
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
    tracks = link(found)
    if not tracks:
        return None
    best = max(tracks, key=lambda track: sum(_area(found[i].boxes[j]) ** 0.5 for i, j in track))
    return _fill(np.asarray(frames, np.int64), found, best)


def link(found: Sequence[Faces], least: float = 0.3) -> list[list[tuple[int, int]]]:
    """Tracks as lists of (position in ``found``, index of the face), linked greedily.

    A face goes to the track whose latest box it overlaps most, at least ``least``; every face
    belongs to exactly one track. Sampled frames can lie far apart, so a face that no longer
    overlaps starts a track of its own unless it is the only face in both frames.
    """
    tracks: list[list[tuple[int, int]]] = []
    for i, faces in enumerate(found):
        free = set(range(len(tracks)))
        for j in np.argsort(-np.asarray(faces.scores), kind="stable"):
            best, overlap = -1, least
            for t in sorted(free):
                at, index = tracks[t][-1]
                value = float(iou(faces.boxes[j], found[at].boxes[index][None])[0])
                alone = len(faces) == 1 and len(found[at]) == 1
                if (alone and best < 0) or value > overlap:
                    best, overlap = t, max(value, least)
            if best >= 0:
                tracks[best].append((i, int(j)))
                free.discard(best)
            else:
                tracks.append([(i, int(j))])
    return tracks


def _area(box: Box) -> float:
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def _fill(
    frames: NDArray[np.int64], found: Sequence[Faces], track: list[tuple[int, int]]
) -> FaceTrack:
    seen = np.array([i for i, _ in track])
    boxes = np.stack([found[i].boxes[j] for i, j in track]).astype(np.float64)
    marks = np.stack([found[i].landmarks[j] for i, j in track]).astype(np.float64)
    flat = np.concatenate([boxes, marks.reshape(len(track), 10)], axis=1)
    full = np.stack([np.interp(frames, frames[seen], column) for column in flat.T], axis=1)
    scores = np.zeros(len(frames), np.float32)
    scores[seen] = [found[i].scores[j] for i, j in track]
    full = full.astype(np.float32)
    return FaceTrack(frames, full[:, :4], full[:, 4:].reshape(-1, 5, 2), scores)
