"""Adding confidence to runs that are finished, without scoring them again."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.perturb import perturbation
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector
from dfbench.errors import ResultError
from dfbench.files import write_atomic
from dfbench.results.predictions import read_predictions
from dfbench.results.result import RunResult, load_result, write_result
from dfbench.results.spec import digest
from dfbench.running.attribution import confidences
from dfbench.running.confidence import Abc, Confidence, as_csv, asked, read_confidences, summary
from dfbench.running.model import get_model
from dfbench.running.plan import Plan, Test
from dfbench.running.stages import Stages

NAME = "confidence.csv"


def add_confidence(plan: Plan, folder: Path, catalogue: Catalogue, reporter: Reporter) -> None:
    """Write ``confidence.csv`` and its summary into each of the plan's runs, all finished, that has
    none of that kind. folder: the model's. Stopped, it goes on with the next video."""
    how = asked(str(plan.request.confidence))
    todo = [test for test in plan.tests if not _there(test.folder, how)]
    if not todo:
        return
    detector = get_model(Stages(plan, reporter), folder, catalogue, lambda *_: None)
    detector.requires_grad_(False)
    for test in todo:
        result = _add(test, detector, how, Stages(plan, reporter))
        write_result(result, test.folder)
        _part(test.folder, how).unlink()
        catalogue.notify("dfbench_run_finished", reporter.warn, result=result, folder=test.folder)


def _there(folder: Path, how: Abc) -> bool:
    told = load_result(folder).provenance.get("confidence", {})
    return told.get("settings") == asdict(how) and (folder / NAME).is_file()


def _add(test: Test, detector: Detector, how: Abc, stages: Stages) -> RunResult:
    """Compute it; the run's result with what it says."""
    begin = time.perf_counter()
    prepared = stages.prepare(test.data)
    reader = stages.reader(prepared, detector, perturbation(test.spec.variant)).thinned(how.clips)
    rows = _compute(test, detector, reader, how, stages)
    write_atomic(test.folder / NAME, as_csv(rows, header=True).encode())
    found = summary(rows, read_predictions(test.folder))
    result = load_result(test.folder)
    told = {"settings": asdict(how), **found, "seconds": round(time.perf_counter() - begin, 3)}
    kept = [note for note in result.notes if not note.startswith("confidence abc")]
    return replace(
        result,
        notes=(*kept, _note(how, found)),
        provenance={**result.provenance, "confidence": told},
    )


def _compute(
    test: Test, detector: Detector, reader: ClipReader, how: Abc, stages: Stages
) -> list[Confidence]:
    """Row by row into a file of its own, so that what was done before a stop is kept."""
    fabric, part = stages.fabric(), _part(test.folder, how)
    detector.place(fabric.device)
    rows, videos = _done(part, reader, test.data.spec.dataset)
    write_atomic(part, as_csv(rows, header=True).encode())
    with stages.stage("confidence", "confidence", len(reader.videos)) as advance:
        advance(videos)
        with part.open("a", encoding="utf-8", newline="") as file:
            for of_video in confidences(
                detector,
                reader,
                test.data.spec.dataset,
                how,
                test.spec.seed,
                stages.batch_size,
                fabric,
                videos,
            ):
                file.write(as_csv(of_video))
                file.flush()
                rows += of_video
                advance(1)
    return rows


def _part(folder: Path, how: Abc) -> Path:
    return folder / f".confidence-{digest(asdict(how))}.csv"


def _done(part: Path, reader: ClipReader, dataset: str) -> tuple[list[Confidence], int]:
    """The rows of the videos that a stopped try had finished, and how many those are."""
    if not part.is_file():
        return [], 0
    data = part.read_bytes()
    part.write_bytes(data[: data.rfind(b"\n") + 1])  # the last row may be half written
    try:
        found = read_confidences(part)
    except ResultError:
        return [], 0
    kept = videos = 0
    for video in reader.videos:
        clips = [clip for clip, usable in zip(video.clips, video.usable, strict=True) if usable]
        expected = [(dataset, video.record.id, clip) for clip in clips]
        there = [(r.dataset, r.video, r.clip) for r in found[kept : kept + len(expected)]]
        if there != expected:
            break
        kept, videos = kept + len(expected), videos + 1
    return found[:kept], videos


def _note(how: Abc, found: dict[str, Any]) -> str:
    words = [
        f"{found[f'mean_{kind}']:.3f} on average where the decision is {kind} ({found[kind]} clips)"
        for kind in ("right", "wrong")
        if found[kind]
    ]
    if found["auc_right"] is not None:
        words.append(f"AUC of being right {found['auc_right']:.3f}")
    return f"confidence {how.label}: {', '.join(words) or 'no clip has a score'}"
