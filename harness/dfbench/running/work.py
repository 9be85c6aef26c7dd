"""The work of a run, top to bottom: model, scores, metrics, result, listeners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import Prediction
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.perturb import perturbation
from dfbench.data.splits import count
from dfbench.detector.network import Detector, count_parameters
from dfbench.errors import DfbenchError, ResultError, mendable
from dfbench.evaluate.breakdown import write_about
from dfbench.evaluate.judgement import judge
from dfbench.evaluate.scores import by_video
from dfbench.faces.prepare import Prepared
from dfbench.faces.sheet import draw_mistakes
from dfbench.files import write_json
from dfbench.results.predictions import read_predictions
from dfbench.results.provenance import command, environment, git_commit, peak_memory_mb, utc_now
from dfbench.results.result import RunResult, training_facts, write_result
from dfbench.results.spec import RunSpec
from dfbench.results.truth import truth_of_records
from dfbench.running.model import forget, get_model
from dfbench.running.plan import Plan, Test
from dfbench.running.stages import Stages
from dfbench.running.videos import Data
from dfbench.training.predict import predict_to_file


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
        error = mendable(error)
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
