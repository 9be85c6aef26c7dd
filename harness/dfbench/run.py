"""The life of a run, top to bottom: prepare, train, predict, score, write, tell."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dfbench.catalogue import Catalogue
from dfbench.detector import Detector, build, count_parameters
from dfbench.errors import DfbenchError, ResourceError, ResultError, SplitError
from dfbench.loader import ClipReader
from dfbench.plan import Data, Plan, Request, Test, make_plan
from dfbench.predict import predict, predict_to_file, rewrite
from dfbench.prepare import Prepared, prepare
from dfbench.provenance import command, environment, git_commit, now, peak_memory_mb
from dfbench.records import SPLITS, Prediction
from dfbench.reporter import Reporter
from dfbench.result import (
    RunResult,
    load_result,
    read_predictions,
    write_json,
    write_result,
)
from dfbench.scoring import by_video, choose_threshold, coverage, evaluate, video_scores
from dfbench.spec import SCHEMA
from dfbench.splits import count
from dfbench.train import fit
from dfbench.weights import read_tensors


def run(request: Request, catalogue: Catalogue, reporter: Reporter) -> list[RunResult]:
    """Do what was asked; one result a test dataset, in the order asked for.

    Raises a DfbenchError when something the user can mend is in the way; runs that had begun
    then have a ``result.json`` with status ``failed``, and the same command goes on from there.
    """
    plan = make_plan(request, catalogue, reporter)
    folder = plan.tests[0].spec.model_folder(request.out)
    with _alone(folder):
        todo = [t for t in plan.tests if request.again or finished(t) is None]
        if todo:
            Run(plan, catalogue, reporter, folder, todo).go()
        else:
            reporter.note("finished already; --again does it anew")
    return [load_result(test.folder) for test in plan.tests]


def finished(test: Test) -> RunResult | None:
    """The result of a run that has ended well, or None."""
    try:
        result = load_result(test.folder)
    except ResultError:
        return None
    return result if result.status == "finished" else None


@dataclass
class Run:
    """The runs of one model on one or more test datasets."""

    plan: Plan
    catalogue: Catalogue
    reporter: Reporter
    folder: Path
    todo: list[Test]
    seconds: dict[str, float] = field(default_factory=dict)
    started: str = field(default_factory=now)

    def go(self) -> None:
        for test in self.todo:
            self._begin(test)
        waiting = list(self.todo)
        try:
            detector = self._model()
            while waiting:
                self._finish(waiting[0], self._evaluate(waiting[0], detector))
                waiting.pop(0)
        except Exception as error:
            problem = _mendable(error)
            for test in waiting:
                self._fail(test, problem)
            if problem is error:
                raise
            raise problem from error

    def _begin(self, test: Test) -> None:
        test.folder.mkdir(parents=True, exist_ok=True)
        (test.folder / "result.json").unlink(missing_ok=True)
        if self.plan.request.again:
            for name in ("predictions.csv",):
                (test.folder / name).unlink(missing_ok=True)
            for name in ("train.json", "checkpoint.pt", "model.safetensors", "log.jsonl"):
                (self.folder / name).unlink(missing_ok=True)
        write_json(test.folder / "spec.json", test.spec.to_json())
        self._notify("dfbench_run_started", spec=test.spec, folder=test.folder)

    def _model(self) -> Detector:
        """The detector to test: weights as they are, trained before, or trained now."""
        detector = build(self.plan.card, self.plan.options, self.plan.request.seed)
        if self.plan.weights is not None:
            detector.load(read_tensors(self.plan.weights.path), str(self.plan.weights.path))
        if self.plan.train is not None:
            if trained(self.folder) is None:
                self._train(detector, self.plan.train)
            path = self.folder / "model.safetensors"
            detector.load(read_tensors(path), str(path))
        return detector

    def _train(self, detector: Detector, data: Data) -> None:
        settings = self.plan.model.train
        assert settings is not None
        prepared = self._prepare(data)
        parts = {}
        for split in SPLITS[:2]:
            parts[split] = self._reader([p for p in prepared if p.record.split == split])
            _check_usable(parts[split].videos, split, data.spec.dataset)
        auc, log_loss = (
            self.catalogue.find("metrics", f"metrics/{name}")[1].resolve()
            for name in ("auc", "log_loss")
        )
        spec = self.todo[0].spec
        with self._timed("train"), self.reporter.task("train", settings.epochs * 1000) as advance:
            steps = _Steps(advance)
            progress = fit(
                detector, parts["train"], parts["val"], settings, self.folder,
                self._fabric(), self.plan.workers,
                auc, log_loss,
                report=lambda epoch, values: self._epoch(spec, epoch, values),
                step=lambda done, total: steps.at(done * settings.epochs * 1000 // total),
            )  # fmt: skip
            threshold = self._threshold(detector, parts["val"], data.spec.dataset)
        facts = {
            "schema": SCHEMA,
            "model_id": self.plan.model.model_id,
            **asdict(self.plan.model),
            "best_epoch": progress.best_epoch,
            "epochs_done": progress.epoch,
            "threshold": threshold,
            "seconds": progress.seconds,
            "parameters": count_parameters(detector),
            "trainable": count_parameters(detector, trainable=True),
            "environment": environment(),
        }
        write_json(self.folder / "train.json", facts)
        (self.folder / "checkpoint.pt").unlink(missing_ok=True)

    def _threshold(self, detector: Detector, val: ClipReader, dataset: str) -> float:
        """The best epoch scored once more on all of validation, as test videos will be: those
        scores are kept in ``validation.csv`` and the threshold is chosen on them."""
        path = self.folder / "model.safetensors"
        detector.load(read_tensors(path), str(path))
        batch = self._batch_size()
        chunks = predict(detector, val, dataset, batch, self.plan.workers, self._fabric())
        rows = [row for chunk in chunks for row in chunk]
        rewrite(self.folder / "validation.csv", rows)
        return choose_threshold(video_scores(rows, detector.aggregate, "chance"))

    def _batch_size(self) -> int:
        settings = self.plan.model.train
        return settings.batch_size if settings else self.plan.card.recipe.batch_size

    def _epoch(self, spec: Any, epoch: int, values: Mapping[str, float]) -> None:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.reporter.note(f"epoch {epoch}: {shown}")
        self._notify("dfbench_progress", spec=spec, step=epoch, values=values)

    def _evaluate(self, test: Test, detector: Detector) -> RunResult:
        prepared = self._prepare(test.data)
        reader = self._reader(prepared)
        fabric = self._fabric()
        detector.place(fabric.device)
        path = test.folder / "predictions.csv"
        batch = self._batch_size()
        name = test.data.spec.dataset
        scored = 0
        with (
            self._timed("predict") as clock,
            self.reporter.task(f"score {name}", len(prepared)) as advance,
        ):
            steps = _Steps(advance)
            for done in predict_to_file(
                detector, reader, name, batch, self.plan.workers, fabric, path
            ):
                scored = scored or -done  # the first figure is what an earlier try had scored
                steps.at(done)
            scored = len(prepared) + min(scored, 0)
        rate = scored / clock["predict"] if clock["predict"] > 0 else None
        return self._score(test, detector, prepared, read_predictions(path), rate)

    def _score(
        self,
        test: Test,
        detector: Detector,
        prepared: Sequence[Prepared],
        rows: list[Prediction],
        rate: float | None,
    ) -> RunResult:
        facts = trained(self.folder) or {}
        threshold = facts.get("threshold")
        with self._timed("metrics"), self.reporter.task("metrics", 1) as advance:
            metrics = evaluate(
                rows, self.catalogue.metrics(), self.plan.card.clip.level, detector.aggregate,
                test.spec.on_missing, threshold, test.spec.seed,
            )  # fmt: skip
            advance(1)
        trainable = facts.get("trainable", 0)
        if "train" not in self.seconds and "seconds" in facts:
            self.seconds["train"] = facts["seconds"]
        return RunResult(
            spec=test.spec,
            status="finished",
            metrics=metrics,
            counts=_counts(prepared, rows),
            coverage=coverage(rows),
            threshold=threshold,
            cost={
                "parameters": count_parameters(detector), "trainable": trainable,
                "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
                "videos_per_second": rate, **peak_memory_mb(), **_gpu_memory(),
            },
            **self._about(test),
        )  # fmt: skip

    def _about(self, test: Test) -> dict[str, Any]:
        plan = self.plan
        roots = {d.spec.dataset: str(d.listing.root) for d in (plan.train, test.data) if d}
        return {
            "environment": {**environment(), "device": plan.device},
            "provenance": {
                "started": self.started, "ended": now(), "command": command(),
                "git_commit": git_commit(), "data_roots": roots,
                "leak_check": [d.listing.note for d in (plan.train, test.data) if d],
            },
            "notes": plan.notes,
        }  # fmt: skip

    def _finish(self, test: Test, result: RunResult) -> None:
        write_result(result, test.folder)
        self._notify("dfbench_run_finished", result=result, folder=test.folder)

    def _fail(self, test: Test, error: Exception) -> None:
        text = str(error) if isinstance(error, DfbenchError) else f"{type(error).__name__}: {error}"
        result = RunResult(spec=test.spec, status="failed", error=text, **self._about(test))
        try:
            self._finish(test, result)
        except OSError as second:  # the disk that is full may be this one
            self.reporter.warn(f"{test.folder} could not be written: {second.strerror}")

    def _prepare(self, data: Data) -> list[Prepared]:
        plan, what = self.plan, f"prepare {data.spec.dataset}"
        with self._timed("prepare"), self.reporter.task(what, len(data.records)) as advance:
            return prepare(
                data.records, plan.card.clip, data.finder, plan.store, max(plan.workers, 1),
                advance,
            )  # fmt: skip

    def _reader(self, videos: list[Prepared]) -> ClipReader:
        return ClipReader(videos, self.plan.store, self.plan.card.clip)

    def _fabric(self) -> Any:
        from lightning_fabric import Fabric

        precision: Any = self.plan.model.precision

        return Fabric(accelerator=self.plan.device, devices=1, precision=precision)

    def _notify(self, hook: str, **arguments: Any) -> None:
        self.catalogue.notify(hook, self.reporter.warn, **arguments)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[dict[str, float]]:
        begin = time.perf_counter()
        try:
            yield self.seconds
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


class _Steps:
    """Turns positions into advances."""

    def __init__(self, advance: Any) -> None:
        self.advance, self.done = advance, 0

    def at(self, position: int) -> None:
        self.advance(position - self.done)
        self.done = position


def trained(folder: Path) -> dict[str, Any] | None:
    """``train.json`` of a model whose training has ended, or None."""
    try:
        facts: dict[str, Any] = json.loads((folder / "train.json").read_text("utf-8"))
        return facts
    except FileNotFoundError:
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process a model: a second one with the same command waits, then finds it done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=-1):
            yield
    except Timeout:
        raise ResourceError(f"{folder} is used by another process") from None
    except PermissionError as error:
        raise ResourceError(f"{error.filename} cannot be written: choose another --out") from error


def _check_usable(videos: Sequence[Prepared], split: str, name: str) -> None:
    labels = {video.record.label for video in videos if any(video.usable)}
    if len(labels) < 2:
        reasons = sorted({f"{video.status}" for video in videos if not any(video.usable)})
        raise SplitError(
            f"the {split} split of {name} has no usable {'fake' if 0 in labels else 'real'} "
            f"video ({', '.join(reasons)}): look at the data, or choose another --faces"
        )


def _counts(prepared: Sequence[Prepared], rows: Sequence[Prediction]) -> dict[str, int]:
    counts = count(p.record for p in prepared)
    for video in prepared:
        counts[video.status] = counts.get(video.status, 0) + 1
    lost = [
        1 for clips in by_video(rows).values()
        if 0 < sum(r.score is None for r in clips) < len(clips)
    ]  # fmt: skip
    return {**counts, "partly_read": len(lost)}


def _gpu_memory() -> dict[str, float]:
    import torch

    if not torch.cuda.is_available():
        return {}
    return {"peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated() / 2**20, 1)}


def _mendable(error: Exception) -> Exception:
    """A full or read-only disk as an error in one line; any other exception as it is."""
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM
    ):  # fmt: skip
        where = f" ({error.filename})" if error.filename else ""
        return ResourceError(f"{error.strerror}{where}: free space, or choose another --out")
    return error
