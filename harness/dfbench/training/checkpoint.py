"""What training leaves in its folder after each epoch, and how it goes on from there."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from dfbench.detector.network import Detector
from dfbench.errors import ResultError
from dfbench.files import write_atomic


@dataclass
class Progress:
    """How far training has come; what ``checkpoint.pt`` holds beside the tensors."""

    epoch: int = 0
    best_epoch: int = 0
    best: tuple[float, float] = (-math.inf, -math.inf)
    seconds: float = 0.0


def keep(
    folder: Path, detector: Detector, optimizer: Any, progress: Progress, values: dict[str, float]
) -> None:
    """Save the model if it is the best so far, then the checkpoint, then the log's line.

    In this order a kill between two of them only makes the epoch run again, to the same end.
    """
    reached = (values["val/video/auc"], -values["val/video/log_loss"])
    if reached > progress.best or not progress.best_epoch:
        progress.best, progress.best_epoch = reached, progress.epoch
        tensors = {k: v.detach().cpu().contiguous() for k, v in detector.state_dict().items()}
        write_atomic(folder / "model.safetensors", safetensors.torch.save(tensors))
    state = {
        "detector": detector.state_dict(),
        "optimizer": {} if optimizer is None else optimizer.state_dict(),
        "progress": [progress.epoch, progress.best_epoch, list(progress.best), progress.seconds],
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomic(folder / "checkpoint.pt", buffer.getvalue())
    line = json.dumps({"epoch": progress.epoch, "seconds": progress.seconds, **values})
    log = folder / "log.jsonl"
    before = _log_lines(log)[: progress.epoch - 1]
    write_atomic(log, "\n".join([*before, line, ""]).encode())


def _log_lines(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.is_file() else []


def resume(folder: Path, detector: Detector, optimizer: Any) -> Progress:
    """Put the checkpoint's state into both; a new ``Progress`` where there is none.

    Raises ResultError for a checkpoint that cannot be read.
    """
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return Progress()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ResultError(
            f"{path} is damaged ({type(error).__name__}): run with --again"
        ) from error
    detector.load_state_dict(state["detector"])
    optimizer.load_state_dict(state["optimizer"])
    epoch, best_epoch, best, seconds = state["progress"]
    return Progress(epoch, best_epoch, (best[0], best[1]), seconds)
