"""The life of a run, top to bottom: plan, model, scores, metrics, result, listeners."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import Prediction
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.perturb import perturbation
from dfbench.data.splits import count
from dfbench.detector.network import Detector, count_parameters
from dfbench.errors import DfbenchError, ResourceError, ResultError
from dfbench.evaluate.breakdown import write_about
from dfbench.evaluate.judgement import judge
from dfbench.evaluate.scores import by_video
from dfbench.faces.prepare import Prepared
from dfbench.files import write_json
from dfbench.plots.robustness import write_robustness
from dfbench.results.predictions import read_predictions
from dfbench.results.provenance import command, environment, git_commit, peak_memory_mb, utc_now
from dfbench.results.result import RunResult, load_result, training_facts, write_result
from dfbench.results.spec import RunSpec
from dfbench.results.truth import truth_of_records
from dfbench.running.confidence_stage import add_confidence
from dfbench.running.mistakes import draw_mistakes
from dfbench.running.model import forget, get_model
from dfbench.running.plan import Data, Plan, Test, make_plan
from dfbench.running.request import Request
from dfbench.running.stages import Stages
from dfbench.training.predict import predict_to_file


def run(request: Request, catalogue: Catalogue, reporter: Reporter) -> list[RunResult]:
    """Do what was asked; one result a test, in the order asked for: each dataset as it is, then
    perturbed, with a table and a picture of the drop in the model's folder.

    Raises a DfbenchError when something the user can mend is in the way; runs that had begun
    then have a ``result.json`` with status ``failed``, and the same command goes on from there.
    """
    try:
        plan = make_plan(request, catalogue, reporter)
    except OSError as error:  # a folder that may not be looked into, a file that may not be read
        raise _mendable(error) from error
    folder = plan.tests[0].spec.model_folder(request.out)
    with _alone(folder, reporter):
        todo = [t for t in plan.tests if request.again or not finished(t)]
        if todo:
            Run(plan, catalogue, reporter, folder, todo).go()
        else:
            reporter.note("finished already; --again does it anew")
        if request.confidence:
            add_confidence(plan, folder, catalogue, reporter)
    results = [load_result(test.folder) for test in plan.tests]
    if request.perturb:
        write_robustness(results, folder)
    return results


def finished(test: Test) -> bool:
    """Whether the run has ended well. Raises ResultError for a result that cannot be read: one of
    a newer dfbench must not be overwritten."""
    if not (test.folder / "result.json").is_file():
        return False
    return load_result(test.folder).status == "finished"


@dataclass
class Run:
    """The runs of one model on one or more test datasets."""

    plan: Plan
    catalogue: Catalogue
    reporter: Reporter
    folder: Path
    todo: list[Test]
    started: str = field(default_factory=utc_now)
    ready: tuple[Data, list[Prepared]] | None = None

    def go(self) -> None:
        """The model, then every test in turn, each with a ``result.json`` of its own. Without a
        model all fail; a test that fails leaves the others alone, and its error is raised after
        them."""
        try:
            self._begin()
            making = Stages(self.plan, self.reporter)
            detector = get_model(making, self.folder, self.catalogue, self._epoch)
        except Exception as error:
            raise self._fail(self.todo, error) from error
        problems = []
        for test in self.todo:
            stages = Stages(self.plan, self.reporter, dict(making.seconds))
            try:
                self._end(test, self._test(test, detector, stages))
            except Exception as error:  # noqa: BLE001 - raised below
                problems.append(self._fail([test], error))
        if problems:
            raise problems[0]

    def _begin(self) -> None:
        if self.plan.request.again:
            forget(self.folder)
        for test in self.todo:
            test.folder.mkdir(parents=True, exist_ok=True)
            (test.folder / "result.json").unlink(missing_ok=True)
            write_json(test.folder / "spec.json", test.spec.to_json())
            self._notify("dfbench_run_started", spec=test.spec, folder=test.folder)

    def _epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.reporter.note(f"epoch {epoch}: {shown}")
        self._notify("dfbench_progress", spec=self.todo[0].spec, step=epoch, values=values)

    def _test(self, test: Test, detector: Detector, stages: Stages) -> RunResult:
        prepared = self._prepare(test.data, stages)
        scored = self._score(test, detector, prepared, stages)
        rows = read_predictions(test.folder)
        about = {video.record.id: video.attributes for video in prepared}
        write_about(about, test.folder / "videos.csv")
        facts = training_facts(self.folder) or {}
        with stages.stage("metrics", "metrics", 1) as advance:
            judged = judge(
                test.spec,
                rows,
                self._validation(),
                detector.aggregated_by(test.spec.aggregate),
                self.catalogue.metrics(),
                about,
            )
            draw_mistakes(judged["mistakes"], prepared, self.plan.store, test.folder)
            advance(1)
        # All of training counts, also what was done before an interruption.
        seconds = stages.seconds | ({"train": facts["seconds"]} if facts else {})
        return RunResult(
            spec=test.spec,
            status="finished",
            counts=_counts(prepared, rows),
            truth=truth_of_records(test.data.records),
            **judged,
            cost={
                "parameters": count_parameters(detector),
                "trainable": facts.get("trainable", 0),
                "seconds": {name: round(value, 3) for name, value in seconds.items()},
                "videos_per_second": scored / max(seconds["predict"], 1e-9) if scored else None,
                **peak_memory_mb(),
                **_gpu_memory(),
            },
            **self._about(test),
        )

    def _prepare(self, data: Data, stages: Stages) -> list[Prepared]:
        """Once for a dataset and all its perturbations; the videos of one dataset are kept."""
        if self.ready is None or self.ready[0] is not data:
            self.ready = data, stages.prepare(data)
        return self.ready[1]

    def _validation(self) -> list[Prediction] | None:
        """The model's scores on validation, if it was trained here. Raises ResultError when they
        are gone: without them a result would lack its thresholds in silence."""
        if self.plan.train is None:
            return None
        file = self.folder / "validation.csv"
        if not file.is_file():
            raise ResultError(f"{file} is gone, and with it the thresholds: run with --again")
        return read_predictions(file)

    def _score(
        self, test: Test, detector: Detector, prepared: list[Prepared], stages: Stages
    ) -> int:
        """Fill ``predictions.csv``; how many videos were scored now and not by an earlier try."""
        fabric, name = stages.fabric(), test.data.spec.dataset
        reader = stages.reader(prepared, detector, perturbation(test.spec.variant))
        detector.place(fabric.device)
        with stages.stage("predict", _scoring(test.spec), len(prepared)) as advance:
            positions = predict_to_file(
                detector,
                reader,
                name,
                stages.batch_size,
                self.plan.workers,
                fabric,
                test.folder / "predictions.csv",
            )
            before = shown = next(positions)
            advance(shown)
            for position in positions:
                advance(position - shown)
                shown = position
        return len(prepared) - before

    def _end(self, test: Test, result: RunResult) -> None:
        write_result(result, test.folder)
        self._notify("dfbench_run_finished", result=result, folder=test.folder)

    def _fail(self, tests: list[Test], error: Exception) -> Exception:
        """Write it down for each of ``tests``; the error as the user is to read it."""
        error = _mendable(error)
        text = str(error) if isinstance(error, DfbenchError) else f"{type(error).__name__}: {error}"
        for test in tests:
            result = RunResult(spec=test.spec, status="failed", error=text, **self._about(test))
            try:
                self._end(test, result)
            except OSError as second:  # the disk that is full may be this one
                self.reporter.warn(f"{test.folder} could not be written: {second.strerror}")
        return error

    def _about(self, test: Test) -> dict[str, Any]:
        data = [d for d in (self.plan.train, test.data) if d]
        return {
            "environment": {**environment(), "device": self.plan.device},
            "provenance": {
                "started": self.started,
                "ended": utc_now(),
                "command": command(),
                "git_commit": git_commit(),
                "data_roots": {d.spec.dataset: str(d.listing.root) for d in data},
                "leak_check": list(dict.fromkeys(d.listing.note for d in data)),
            },
            "notes": self.plan.notes,
        }

    def _notify(self, hook: str, **arguments: Any) -> None:
        self.catalogue.notify(hook, self.reporter.warn, **arguments)


@contextmanager
def _alone(folder: Path, reporter: Reporter) -> Iterator[None]:
    """One process a model: a second one with the same command waits, then finds it done."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _free(lock):
            reporter.note(f"waiting for another process that works in {folder}")
            lock.acquire()
    except OSError as error:
        raise ResourceError(
            f"{folder} cannot be written ({error.strerror}): choose another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _free(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except TimeoutError:
        return False
    return True


def _scoring(spec: RunSpec) -> str:
    return f"score {spec.test.dataset}" + (f" {spec.variant}" if spec.variant else "")


def _counts(prepared: Sequence[Prepared], rows: Sequence[Prediction]) -> dict[str, int]:
    """Videos by class and by status, and those that have lost some of their clips."""
    counts = count(p.record for p in prepared)
    for video in prepared:
        counts[video.status] = counts.get(video.status, 0) + 1
    partly = [
        clips
        for clips in by_video(rows).values()
        if 0 < sum(row.score is None for row in clips) < len(clips)
    ]
    return {**counts, "partly_read": len(partly)}


def _gpu_memory() -> dict[str, float]:
    if not torch.cuda.is_available():
        return {}
    return {"peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated() / 2**20, 1)}


def _mendable(error: Exception) -> Exception:
    """A full or read-only disk as an error in one line; any other exception as it is."""
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EROFS,
        errno.EPERM,
    ):
        where = f" ({error.filename})" if error.filename else ""
        return ResourceError(f"{error.strerror}{where}: free space, or choose another place")
    return error
