"""Crops to measure with: 320 pixels a side, as DFDC's 1080p videos give them (256 to 384)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.faces.tracks import main_track
from dfbench.faces.windows import sample_windows
from dfbench.video.reader import Video
from dfbench_sample.encode import sensor
from dfbench_sample.take import Take

SIDE = 320
BIT_RATE = 2_900_000  # DFDC's: 470 GB in 128,154 videos of ten seconds
Crops = list[list[NDArray[np.uint8]]]
"""Clips of crops uint8 [SIDE, SIDE, 3], RGB."""


def drawn_video(path: Path, seed: int = 0) -> None:
    """A drawn person of the sample, enlarged, with sensor noise, in a still 1080p room, encoded at
    DFDC's bit rate."""
    frames = [
        cv2.resize(f, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        for f in Take(seed, seed, 0).real.frames
    ]
    edge = (380, 1080 - SIDE - 380, 800, 1920 - SIDE - 800)
    room = cv2.copyMakeBorder(frames[0], *edge, cv2.BORDER_REFLECT_101)
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.bit_rate = BIT_RATE
        for frame in frames:
            room[380 : 380 + SIDE, 800 : 800 + SIDE] = frame
            file.mux(stream.encode(av.VideoFrame.from_ndarray(sensor(room, rng), "yuv420p")))
        file.mux(stream.encode(None))


def crops(path: Path, clip: ClipSpec, weights: Path | None) -> Crops:
    """Squares of ``SIDE`` around the main face, sampled as ``clip`` says; around the middle where
    there are no ``weights`` for YuNet."""
    with Video(path) as video:
        numbers = sample_windows(len(video), clip)
        wanted = np.unique(numbers).tolist()
        frames = {n: image for n, image in video.read(wanted) if image is not None}
    height, width = next(iter(frames.values())).shape[:2]
    middle = np.array([[width / 2, height / 2]] * len(numbers))
    if weights is not None:
        detector = open_catalogue().faces("yunet")[1].resolve()(weights)
        first = numbers[:, 0].tolist()
        track = main_track(first, [detector.detect(frames[n][None])[0] for n in first])
        if track is not None:
            rows = np.clip(np.searchsorted(track.frames, first), 0, len(track.frames) - 1)
            middle = (track.boxes[rows, :2] + track.boxes[rows, 2:]) / 2
    corner = np.clip(middle - SIDE / 2, 0, [width - SIDE, height - SIDE]).astype(int)
    return [
        [np.ascontiguousarray(frames[n][y : y + SIDE, x : x + SIDE]) for n in row.tolist()]
        for row, (x, y) in zip(numbers, corner, strict=True)
    ]


def material(
    clip: ClipSpec, videos: Sequence[Path] = (), weights: Path | None = None
) -> dict[str, Crops]:
    """Crops of each of ``videos`` and of a drawn one, by the file's name."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "drawn"
        drawn_video(drawn)
        found = {path.stem: crops(path, clip, weights) for path in videos}
        return {**found, "drawn": crops(drawn, clip, None)}
