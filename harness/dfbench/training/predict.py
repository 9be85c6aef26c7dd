"""Scoring videos: all clips of each, in the order of the records, a row for every clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from dfbench.catalogue.records import Prediction, Status
from dfbench.clips.loader import WholeVideos, each, video_loader
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector, to_unit
from dfbench.errors import ResourceError, ResultError, TrainingError
from dfbench.results.predictions import read_predictions, rewrite, write_predictions

_NO_MEMORY = ("DefaultCPUAllocator", "not enough memory", "out of memory")


def predict(
    detector: Detector,
    reader: ClipReader,
    dataset: str,
    batch_size: int,
    workers: int,
    fabric: Fabric,
    skip: int = 0,
) -> Iterator[list[Prediction]]:
    """Rows of one chunk of videos after the other.

    A chunk is a fixed run of videos that fills about one batch, so the numbers do not depend on
    where an interrupted run goes on (``skip``: chunks already scored). Memory does not grow with
    the number of videos.
    """
    chunks = video_chunks(len(reader.videos), reader.clip.windows, batch_size)[skip:]
    loader = video_loader(WholeVideos(reader), chunks, workers, fabric.device.type == "cuda")
    detector.eval()
    for items in each(loader):
        clips = [clip for _, clip in items if clip is not None]
        scores = iter(_scores(detector, torch.cat(clips), batch_size, fabric) if clips else [])
        yield [row for video, _ in items for row in _rows(reader, video, dataset, scores)]


def video_chunks(videos: int, windows: int, batch_size: int) -> list[list[int]]:
    """Videos in order, as many together as fill a batch of clips, at least one."""
    step = max(batch_size // windows, 1)
    return [list(range(i, min(i + step, videos))) for i in range(0, videos, step)]


def _scores(detector: Detector, clips: Tensor, batch_size: int, fabric: Fabric) -> list[float]:
    """P(fake) of clips uint8 [n, V, T, H, W, 3]. In double precision from the logit on, so that
    sure scores do not all round to 1."""
    logits = []
    views = clips.flatten(0, 1)
    with torch.inference_mode(), fabric.autocast(), naming_batch_size(batch_size):
        for i in range(0, len(views), batch_size):
            part = views[i : i + batch_size].to(fabric.device, non_blocking=True)
            logits.append(detector(to_unit(part)).double())
    scores = torch.sigmoid(torch.cat(logits))
    if not torch.isfinite(scores).all():
        raise TrainingError(
            "the network gives scores that are no numbers: use --precision 32, a lower --lr, or "
            "look at its weights"
        )
    return [detector.combine(clip) for clip in scores.view(*clips.shape[:2]).cpu().numpy()]


def _rows(
    reader: ClipReader, video: int, dataset: str, scores: Iterator[float]
) -> Iterator[Prediction]:
    prepared = reader.videos[video]
    record = prepared.record
    clips = zip(prepared.clips, prepared.starts, prepared.usable, strict=True)
    for clip, start, usable in clips:
        status: Status = "ok" if usable else _lost(prepared.status)
        score = next(scores) if usable else None
        yield Prediction(
            dataset,
            record.id,
            clip,
            start,
            record.label,
            score,
            record.method,
            record.group,
            status,
        )


def _lost(status: Status) -> Status:
    return "unreadable" if status == "ok" else status


def predict_to_file(
    detector: Detector,
    reader: ClipReader,
    dataset: str,
    batch_size: int,
    workers: int,
    fabric: Fabric,
    path: Path,
) -> Iterator[int]:
    """Append to ``path`` chunk by chunk; yields the number of videos done, counting those that an
    interrupted run had scored before."""
    chunks = video_chunks(len(reader.videos), reader.clip.windows, batch_size)
    done = _resume(path, reader, dataset, chunks)
    count = sum(len(chunk) for chunk in chunks[:done])
    yield count
    with path.open("a", encoding="utf-8", newline="") as file:
        for rows in predict(detector, reader, dataset, batch_size, workers, fabric, done):
            write_predictions(rows, file, header=False)
            file.flush()
            count += len({row.video for row in rows})
            yield count


def _resume(path: Path, reader: ClipReader, dataset: str, chunks: Sequence[Sequence[int]]) -> int:
    """Cut ``path`` back to its whole chunks and return their number; start it when it is new.

    A row cut short by a kill, or rows of other videos, end what is kept.
    """
    rows = _read_whole_rows(path)
    kept = number = 0
    for chunk in chunks:
        videos = [reader.videos[v] for v in chunk]
        expected = [(dataset, v.record.id, clip) for v in videos for clip in v.clips]
        found = [(r.dataset, r.video, r.clip) for r in rows[number : number + len(expected)]]
        if found != expected:
            break
        kept, number = kept + 1, number + len(expected)
    rewrite(path, rows[:number])
    return kept


def _read_whole_rows(path: Path) -> list[Prediction]:
    if not path.is_file():
        return []
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"\n") + 1])  # the last row may be half written
    try:
        return read_predictions(path)
    except ResultError:  # not even a header: nothing to keep
        return []


class naming_batch_size:  # noqa: N801 - reads as a statement
    """Turn "out of memory" into an error that names the option to change."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        full = isinstance(error, torch.OutOfMemoryError | MemoryError) or (
            isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
        )
        if full:
            raise ResourceError(
                f"a batch of {self.batch_size} clips does not fit into memory: choose a smaller "
                "--batch-size"
            ) from error
