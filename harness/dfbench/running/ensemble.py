"""Several detectors as one: the mean of their calibrated scores, as a run like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import Prediction
from dfbench.catalogue.reporter import Reporter
from dfbench.detector.aggregate import mean
from dfbench.errors import ResourceError, ResultError
from dfbench.evaluate.breakdown import read_about
from dfbench.evaluate.contenders import make_table
from dfbench.evaluate.judgement import judge
from dfbench.evaluate.scores import Scores, coverage
from dfbench.evaluate.stored import StoredRun
from dfbench.results.provenance import command, git_commit, utc_now, versions
from dfbench.results.result import RunResult
from dfbench.results.spec import ENSEMBLE, ModelSpec, RunSpec
from dfbench.results.truth import truth_of_rows
from dfbench.running.foreign.importing import write_run


def make_ensemble(
    runs: Sequence[StoredRun], name: str, out: Path, catalogue: Catalogue, reporter: Reporter
) -> tuple[RunResult, Path]:
    """Average ``runs`` and write the folder of a run below ``out``; the result, and the folder.

    Each run's video scores are calibrated by the temperature of its own validation; one without
    validation enters as it is, which is noted. Where all were validated on the same videos the
    ensemble has a validation of its own, hence thresholds. Raises ResultError for fewer than two
    runs or runs on different videos.
    """
    if len(runs) < 2:
        raise ResultError("an ensemble needs two runs or more")
    started = utc_now()
    table = make_table(runs)
    scores = np.mean(
        [_calibrated(run, row) for run, row in zip(runs, table.scores, strict=True)], 0
    )
    rows = _rows(runs[0].rows, dict(zip(table.videos, scores, strict=True)))
    validation = _validation(runs)
    about = read_about(runs[0].folder / "videos.csv")
    spec = _spec(runs, name)
    result = RunResult(
        spec=spec,
        status="finished",
        counts={
            "videos": len(rows),
            "real": sum(not row.label for row in rows),
            "fake": sum(row.label for row in rows),
        },
        truth=truth_of_rows(rows),
        **judge(spec, rows, validation, mean, catalogue.metrics(), about),
        environment={"versions": versions()},
        provenance={
            "started": started,
            "ended": utc_now(),
            "command": command(),
            "git_commit": git_commit(),
            "members": [str(run.folder) for run in runs],
        },
        notes=_notes(runs, validation),
    )
    result = replace(result, coverage=min(coverage(run.rows) for run in runs))
    folder = spec.folder(out)
    try:
        write_run(result, folder, rows, validation, about)
    except OSError as error:
        raise ResourceError(f"{folder} cannot be written: {error.strerror}") from error
    catalogue.notify("dfbench_run_finished", reporter.warn, result=result, folder=folder)
    return result, folder


def _calibrated(run: StoredRun, scores: np.ndarray) -> np.ndarray:
    return run.chosen().calibrated(scores).get("temperature", scores)


def _rows(like: Sequence[Prediction], scores: dict[tuple[str, str], float]) -> list[Prediction]:
    """One row a video, in the order of ``like``, whose status and group it keeps."""
    first: dict[tuple[str, str], Prediction] = {}
    for row in like:
        first.setdefault((row.dataset, row.video), row)
    return [
        replace(row, clip=0, score=float(scores[key]), status="ok")
        for key, row in first.items()
        if key in scores
    ]


def _validation(runs: Sequence[StoredRun]) -> list[Prediction] | None:
    """The ensemble's scores of the validation videos that all its members have seen, if they have
    all seen the same."""
    found = [run.validation() for run in runs]
    tables = [table for table in found if table is not None]
    if len(tables) < len(runs):
        return None
    scores = [_by_video(run, table) for run, table in zip(runs, tables, strict=True)]
    rows = runs[0].validated
    if rows is None or any(one.keys() != scores[0].keys() for one in scores):
        return None
    return _rows(rows, {key: sum(one[key] for one in scores) / len(runs) for key in scores[0]})


def _by_video(run: StoredRun, table: Scores) -> dict[tuple[str, str], float]:
    return dict(zip(table.videos, _calibrated(run, table.scores).tolist(), strict=True))


def _spec(runs: Sequence[StoredRun], name: str) -> RunSpec:
    first = runs[0].result.spec
    members = "+".join(sorted(run.result.spec.run_id for run in runs))
    trained_on = "+".join(sorted({run.result.spec.model.trained_on for run in runs}))
    model = ModelSpec(
        detector=name,
        plugin=ENSEMBLE,
        plugin_version="",
        options={"members": members, "trained_on": trained_on},
        weights=None,
        weights_sha256=None,
        clip=ClipSpec(frames=2),
        reader="",
        precision="",
        train=None,
    )
    return replace(first, model=model, aggregate="mean", protocol="", seed=0)


def _notes(runs: Sequence[StoredRun], validation: Sequence[Prediction] | None) -> tuple[str, ...]:
    labels = ", ".join(f"{run.result.spec.model.label} ({run.result.spec.run_id})" for run in runs)
    bare = [run.result.spec.model.label for run in runs if run.chosen().temperature is None]
    return (
        f"the mean of the calibrated video scores of {labels}",
        *([f"not calibrated, for want of validation: {', '.join(bare)}"] if bare else []),
        *(["its members share no validation, so it decides at 0.5"] if validation is None else []),
        *dict.fromkeys(note for run in runs for note in run.result.notes),
    )
