"""Feeding a network from the face store. No source video is opened here.

Every draw is a function of (seed, epoch, video), never of a generator's past, so the number of
workers, an interruption or another batch size change nothing in what a clip looks like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from dfbench.augment import Augmentation, draw
from dfbench.cards import ClipSpec
from dfbench.clips import cut
from dfbench.errors import DfbenchError, ResourceError
from dfbench.prepare import Prepared
from dfbench.store import FaceStore, arrays

Pick = tuple[int, int, int]
"""What a worker is asked for: (video, clip, epoch)."""


@dataclass(frozen=True)
class ClipReader:
    """Clips of prepared videos as a detector sees them."""

    videos: Sequence[Prepared]
    store: FaceStore
    clip: ClipSpec

    def thinned(self, clips: int) -> ClipReader:
        """At most ``clips`` clips a video, evenly spread over those it has; 0 = all."""
        return replace(self, videos=[_thin(video, clips) for video in self.videos])

    def read(self, video: int, windows: Sequence[int], drawn: Augmentation) -> Tensor:
        """uint8 [len(windows), T, size, size, 3]. Raises StoreError when the store lost them."""
        clips = []
        for place, stored in self.store.clips(self.videos[video].key, windows):
            frames = cut(stored, *arrays(place), self.clip, drawn.jitter)
            clips.append(drawn.shade(frames))
        return torch.from_numpy(np.stack(clips))


def _thin(video: Prepared, clips: int) -> Prepared:
    there = np.flatnonzero(video.usable)
    if not 0 < clips < len(there):
        return video
    kept = there[((np.arange(clips) + 0.5) * len(there) / clips).astype(int)]
    return replace(video, usable=tuple(i in kept for i in range(len(video.usable))))


class TrainingClips(Dataset[tuple[Tensor, int]]):
    """Single clips, augmented: pick -> (uint8 [T, size, size, 3], label)."""

    def __init__(self, reader: ClipReader, augment: str, seed: int) -> None:
        self.reader, self.augment, self.seed = reader, augment, seed

    def __getitem__(self, pick: Pick) -> tuple[Tensor, int]:
        video, window, epoch = pick
        rng = np.random.default_rng([self.seed, 1, epoch, video, window])
        clip = self.reader.read(video, [window], draw(self.augment, rng))[0]
        return clip, self.reader.videos[video].record.label


class EpochBatches(Sampler[list[Pick]]):
    """Batches of picks for the epoch set by ``epoch``: clips drawn per video, shuffled anew.

    The batches differ in size by one at most: no tiny last batch, nothing dropped.
    """

    def __init__(
        self, videos: Sequence[Prepared], clips_per_video: int, batch_size: int, seed: int
    ) -> None:
        self.videos, self.clips_per_video = videos, clips_per_video
        self.batch_size, self.seed = batch_size, seed
        self.epoch = 0

    def picks(self) -> list[Pick]:
        rng = np.random.default_rng([self.seed, 0, self.epoch])
        picks: list[Pick] = []
        for number, video in enumerate(self.videos):
            windows = np.flatnonzero(video.usable)
            if 0 < self.clips_per_video < len(windows):
                windows = rng.choice(windows, self.clips_per_video, replace=False)
            picks += [(number, int(window), self.epoch) for window in windows]
        return [picks[i] for i in rng.permutation(len(picks))]

    def __len__(self) -> int:
        per_video = [sum(video.usable) for video in self.videos]
        if self.clips_per_video:
            per_video = [min(n, self.clips_per_video) for n in per_video]
        return -(-sum(per_video) // self.batch_size)

    def __iter__(self) -> Iterator[list[Pick]]:
        picks = self.picks()
        for batch in np.array_split(np.arange(len(picks)), len(self)):
            yield [picks[i] for i in batch]


class WholeVideos(Dataset[tuple[int, Tensor | None]]):
    """All usable clips of one video: number -> (number, uint8 [n, T, size, size, 3] or None)."""

    def __init__(self, reader: ClipReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader.videos)

    def __getitem__(self, video: int) -> tuple[int, Tensor | None]:
        windows = np.flatnonzero(self.reader.videos[video].usable).tolist()
        return video, self.reader.read(video, windows, Augmentation()) if windows else None


def training_loader(
    clips: TrainingClips, batches: EpochBatches, workers: int, pin: bool
) -> DataLoader[tuple[Tensor, int]]:
    _before_fork()
    return DataLoader(
        clips,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=pin,
        generator=torch.Generator(),  # its own: the network's draws must not depend on workers
        persistent_workers=workers > 0,
    )


def video_loader(
    videos: WholeVideos, chunks: Sequence[Sequence[int]], workers: int, pin: bool
) -> DataLoader[Any]:
    """One item a chunk of videos, in order."""
    _before_fork()
    return DataLoader(
        videos,
        batch_sampler=[list(chunk) for chunk in chunks],
        num_workers=workers,
        collate_fn=_as_list,
        pin_memory=pin,
        generator=torch.Generator(),  # its own: the network's draws must not depend on workers
    )


def _as_list(items: list[tuple[int, Tensor | None]]) -> list[tuple[int, Tensor | None]]:
    return items


def _before_fork() -> None:
    """Workers are forked, and a fork of a process whose OpenCV has threads hangs at their first
    use. The workers are the parallel dimension anyway."""
    cv2.setNumThreads(1)


def each(loader: DataLoader[Any]) -> Iterator[Any]:
    """The loader's batches, with a worker's troubles told in one line.

    Raises the worker's own DfbenchError without the traceback that PyTorch adds to its text, and
    ResourceError when a worker was killed.
    """
    try:
        yield from loader
    except DfbenchError as error:
        text = str(error).strip().splitlines()[-1]
        own = f"{type(error).__module__}.{type(error).__qualname__}: "
        raise type(error)(text.removeprefix(own)) from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ResourceError(
            "a loader process was killed, most likely for want of (shared) memory: lower "
            "--batch-size, or use --workers 0"
        ) from error
