"""Feeding a network: which clips an epoch takes, in what order, by which processes."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from dfbench.catalogue.records import FAKE, REAL
from dfbench.clips.reader import ClipReader, Pick
from dfbench.errors import DfbenchError, ResourceError
from dfbench.faces.prepare import Prepared


class TrainingClips(Dataset[tuple[Tensor, int]]):
    """Single clips, augmented: pick -> (uint8 [T, size, size, 3], label)."""

    def __init__(self, reader: ClipReader, augment: str, seed: int) -> None:
        self.reader, self.augment, self.seed = reader, augment, seed

    def __getitem__(self, pick: Pick) -> tuple[Tensor, int]:
        clip = self.reader.training_clip(pick, self.augment, self.seed)
        return torch.from_numpy(clip), pick[2]


class EpochBatches(Sampler[list[Pick]]):
    """Batches of picks for the epoch set by ``epoch``: clips drawn per video, shuffled anew.

    The batches differ in size by one clip at most: no tiny last batch, nothing dropped. pairs:
    each clip is followed by the fake made of it, in the same batch.
    """

    def __init__(
        self,
        videos: Sequence[Prepared],
        clips_per_video: int,
        batch_size: int,
        seed: int,
        pairs: bool = False,
    ) -> None:
        self.videos, self.clips_per_video = videos, clips_per_video
        self.seed, self.pairs = seed, pairs
        self.per_batch = max(batch_size // 2, 1) if pairs else batch_size
        self.epoch = 0

    def picks(self) -> list[Pick]:
        rng = np.random.default_rng([self.seed, 0, self.epoch])
        picks: list[Pick] = []
        for number, video in enumerate(self.videos):
            windows = np.flatnonzero(video.usable)
            if 0 < self.clips_per_video < len(windows):
                windows = rng.choice(windows, self.clips_per_video, replace=False)
            label = video.record.label
            picks += [(number, int(window), label, self.epoch) for window in windows]
        return [picks[i] for i in rng.permutation(len(picks))]

    def __len__(self) -> int:
        per_video = [sum(video.usable) for video in self.videos]
        if self.clips_per_video:
            per_video = [min(n, self.clips_per_video) for n in per_video]
        return -(-sum(per_video) // self.per_batch)

    def __iter__(self) -> Iterator[list[Pick]]:
        picks = self.picks()
        for batch in np.array_split(np.arange(len(picks)), len(self)):
            chosen = [picks[i] for i in batch]
            if self.pairs:
                chosen = [(v, w, made, e) for v, w, _, e in chosen for made in (REAL, FAKE)]
            yield chosen


class WholeVideos(Dataset[tuple[int, Tensor | None]]):
    """All usable clips of one video: number -> (number, uint8 [n, V, T, size, size, 3] or None)."""

    def __init__(self, reader: ClipReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader.videos)

    def __getitem__(self, video: int) -> tuple[int, Tensor | None]:
        windows = np.flatnonzero(self.reader.videos[video].usable).tolist()
        return video, self.reader.views(video, windows) if windows else None


def training_loader(
    clips: TrainingClips, batches: EpochBatches, workers: int, pin: bool
) -> DataLoader[tuple[Tensor, int]]:
    _before_fork()
    return DataLoader(
        clips,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=pin,
        worker_init_fn=_in_worker,
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
        worker_init_fn=_in_worker,
        generator=torch.Generator(),  # its own: the network's draws must not depend on workers
    )


def _as_list(items: list[tuple[int, Tensor | None]]) -> list[tuple[int, Tensor | None]]:
    return items


def _before_fork() -> None:
    """Workers are forked, and a fork of a process whose OpenCV has threads hangs at their first
    use. The workers are the parallel dimension anyway. Garbage that holds threads of the parent
    (FFmpeg's converters) would hang the worker that collects it: it goes now, and workers leave
    alone what they inherit."""
    cv2.setNumThreads(1)
    gc.collect()


def _in_worker(number: int) -> None:
    del number
    gc.freeze()


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
        if "DataLoader worker (pid" not in str(error):  # an error of the detector's own
            raise
        raise ResourceError(
            "a loader process was killed, most likely for want of (shared) memory: lower "
            "--batch-size, or use --workers 0"
        ) from error
