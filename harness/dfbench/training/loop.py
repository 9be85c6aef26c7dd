"""Fine-tuning: one loop, read top to bottom. Selection is on validation; test is never seen here.

Randomness is a function of (seed, epoch), so going on from a checkpoint after an interruption
gives the same model as never having stopped.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from dfbench.catalogue.records import FAKE, Prediction
from dfbench.clips.loader import EpochBatches, TrainingClips, each, training_loader
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector, to_unit
from dfbench.errors import TrainingError
from dfbench.results.spec import TrainSpec
from dfbench.training.checkpoint import Progress, keep, resume
from dfbench.training.optim import Uphill, learning_rate, make_optimizer, set_rate
from dfbench.training.predict import naming_batch_size, predict

Report = Callable[[int, Mapping[str, float]], object]
Step = Callable[[int, int], object]
Validate = Callable[[Detector, list[Prediction]], dict[str, float]]
"""From the scores of validation to ``val/video/auc``, which chooses the epoch, and
``val/video/log_loss``, which decides between equal ones."""
_LOOK = 16  # steps between two looks at the loss
_MEASURED = 16  # batches that batch norm is measured on after an epoch


def fit(
    detector: Detector,
    train: ClipReader,
    val: ClipReader,
    settings: TrainSpec,
    folder: Path,
    fabric: Fabric,
    workers: int,
    judge: Validate,
    report: Report = lambda epoch, values: None,
    step: Step = lambda done, total: None,
) -> Progress:
    """Train ``detector`` and leave the best epoch in ``folder/model.safetensors``.

    The best epoch has the highest video AUC on validation, and of equal ones the lowest video log
    loss; as many clips a video are looked at there as an epoch trains on. With ``fine_tune``
    ``none`` the weights stay as they are and are validated once. Training goes on from
    ``checkpoint.pt`` where there is one. Raises TrainingError when the loss is no longer a
    number, ResourceError when a batch does not fit into memory.
    """
    detector.fine_tune(settings.fine_tune)
    cuda = fabric.device.type == "cuda"
    detector.place(fabric.device)
    val = val.thinned(settings.clips_per_video)

    def validate() -> dict[str, float]:
        chunks = predict(detector, val, settings.data.dataset, settings.batch_size, workers, fabric)
        return judge(detector, [row for chunk in chunks for row in chunk])

    if settings.fine_tune == "none":
        progress, values = Progress(epoch=1), validate()
        keep(folder, detector, None, progress, values)
        report(1, values)
        return progress
    module, optimizer = fabric.setup(detector, make_optimizer(detector, settings, cuda))
    progress = resume(folder, detector, optimizer)
    batches = EpochBatches(
        train.videos,
        settings.clips_per_video,
        settings.batch_size,
        settings.seed,
        pairs=train.makes_fakes,
    )
    clips = TrainingClips(train, settings.augment, settings.seed)
    loader = training_loader(clips, batches, workers, cuda)
    weights = _class_weights(train, settings.balance).to(fabric.device)
    while progress.epoch < settings.epochs and not _stale(progress, settings):
        begin = time.perf_counter()
        epoch = batches.epoch = progress.epoch + 1
        seed_everything(settings.seed, epoch)
        values = _epoch(
            module, detector, optimizer, loader, weights, settings, epoch, progress, fabric, step
        )
        values |= validate()
        progress.epoch = epoch
        progress.seconds += time.perf_counter() - begin
        keep(folder, detector, optimizer, progress, values)
        report(epoch, values)
    return progress


def _epoch(
    module: Any,
    detector: Detector,
    optimizer: Any,
    loader: DataLoader[tuple[Tensor, int]],
    weights: Tensor,
    settings: TrainSpec,
    epoch: int,
    progress: Progress,
    fabric: Fabric,
    step: Step,
) -> dict[str, float]:
    """One pass over the training clips; the epoch's mean loss and its last learning rate."""
    detector.train()
    losses = []
    seen: deque[Tensor] = deque(maxlen=_MEASURED)
    total = settings.epochs * len(loader)
    for i, (clips, labels) in enumerate(each(loader)):
        number = (epoch - 1) * len(loader) + i
        rate = learning_rate(settings, number, total)
        set_rate(optimizer, rate)
        loss = training_step(
            module, detector, optimizer, clips, labels, weights, fabric, settings.optimizer == "sam"
        )
        losses.append(loss)
        if i % _LOOK == 0 or i + 1 == len(loader):  # looking at a loss waits for the GPU
            _check_finite(torch.stack(losses[-_LOOK:]), epoch, number, progress)
        seen.append(clips)
        step(number + 1, total)
    measure_batch_norm(detector, seen, fabric)
    return {"train/loss": float(torch.stack(losses).mean()), "lr": rate}


def training_step(
    module: Any,
    detector: Detector,
    optimizer: Any,
    clips: Tensor,
    labels: Tensor,
    weights: Tensor,
    fabric: Fabric,
    sharpness_aware: bool = False,
) -> Tensor:
    """One step on uint8 clips [B, T, H, W, 3] and labels [B]; the loss, detached."""
    labels = labels.to(fabric.device)

    def backward() -> Tensor:
        logits = module(to_unit(clips.to(fabric.device, non_blocking=True)))
        loss = detector.loss(logits.float(), labels.float(), weights[labels])
        fabric.backward(loss)
        return loss

    with naming_batch_size(len(clips)):
        loss = backward()
        if sharpness_aware:
            uphill = Uphill(detector.parameters())
            optimizer.zero_grad(set_to_none=True)
            backward()
            uphill.back()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.detach()


def measure_batch_norm(detector: Detector, batches: Iterable[Tensor], fabric: Fabric) -> None:
    """Measure the batch-norm statistics of the trained stages anew, on ``batches`` of uint8 clips.

    The running averages trail behind the weights, by thousands of steps where a network asks for
    a small momentum; after a short epoch the network would be judged with statistics of weights
    it no longer has. Wu & Johnson, "Rethinking Batch in BatchNorm", 2021, section 3 (PreciseBN).
    """
    norms = [m for m in detector.modules() if isinstance(m, _BatchNorm) and m.training]
    momenta = [norm.momentum for norm in norms]
    detector.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    if norms:
        with torch.no_grad(), fabric.autocast():
            for clips in batches:
                detector(to_unit(clips.to(fabric.device, non_blocking=True)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def seed_everything(seed: int, epoch: int) -> None:
    """Seed Python, NumPy and torch for one epoch. Loader workers draw from (seed, epoch, video)."""
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)
    torch.manual_seed(mixed)


def _class_weights(train: ClipReader, balance: bool) -> Tensor:
    """Weight of a real and of a fake clip: equal, or such that both classes count the same."""
    if not balance or train.makes_fakes:
        return torch.ones(2)
    labels = [video.record.label for video in train.videos if any(video.usable)]
    fakes = labels.count(FAKE)
    counts = torch.tensor([len(labels) - fakes, fakes], dtype=torch.float32)
    return len(labels) / (2 * counts.clamp(min=1))


def _stale(progress: Progress, settings: TrainSpec) -> bool:
    return progress.epoch - progress.best_epoch >= settings.patience


def _check_finite(losses: Tensor, epoch: int, step: int, progress: Progress) -> None:
    if torch.isfinite(losses).all():
        return
    kept = (
        f"the best epoch so far, {progress.best_epoch}, is kept"
        if progress.best_epoch
        else ("no epoch had ended yet")
    )
    bad = losses[~torch.isfinite(losses)][0].item()
    raise TrainingError(
        f"the loss is {bad} in epoch {epoch}, about step {step + 1}: lower --lr, or use "
        f"--precision 32; {kept}"
    )
