"""What is wrong with a run, or with a submission of one: each fault a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dfbench import ResultError, load_result, open_catalogue
from dfbench.evaluate import StoredRun, verify
from dfbench_leaderboard.rows.facts import origin_facts
from dfbench_leaderboard.rows.found import Found
from dfbench_leaderboard.rows.row import row_of
from dfbench_leaderboard.rows.submitted import check_about
from dfbench_leaderboard.rows.zipped import ABOUT, MAY_HOLD, NEEDED


def submission_faults(folder: Path) -> list[str]:
    """What is wrong with an unpacked submission, or with the folder of a run: each fault a line."""
    run = StoredRun(folder, load_result(folder))
    if run.result.status != "finished":
        return [f"the run has {run.result.status}: {run.result.error}"]
    faults = _about_faults(run) if (folder / ABOUT).is_file() else []
    return faults or run_faults(run)


def run_faults(run: StoredRun) -> list[str]:
    """What is wrong with a finished run, as ``build`` would find it too; each fault a line."""
    try:
        with of_a_run(run.folder):
            faults = verify(run, open_catalogue().metrics())
            row_of(run, Found(run.folder, str(run.folder)), ())
            list(origin_facts(run))
    except ResultError as error:
        return [str(error)]
    return faults


@contextmanager
def of_a_run(folder: Path) -> Iterator[None]:
    """Raises ResultError where the files hold other kinds of values than those of a run."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ResultError(
            f"{folder}: its files are not those of a run: {type(error).__name__}: {error}"
        ) from error


def _about_faults(run: StoredRun) -> list[str]:
    names = [name for name in (ABOUT, *NEEDED, *MAY_HOLD) if (run.folder / name).is_file()]
    members = {name: (run.folder / name).read_bytes() for name in names}
    about = check_about(members, str(run.folder))
    spec = run.result.spec
    truth = {
        "run_id": spec.run_id,
        "detector": spec.model.label,
        "seed": spec.seed,
        "trained_on": spec.model.trained_on,
        "tested_on": spec.test.label,
        "limited": spec.limited,
        "plugin": spec.model.plugin,
        "plugin_version": spec.model.plugin_version,
    }
    return [
        f"{ABOUT} says {name} {about.get(name)!r}, the run {value!r}"
        for name, value in truth.items()
        if about.get(name) != value
    ] + ([] if about.get("licence") else [f"{ABOUT} says nothing of a licence"])
