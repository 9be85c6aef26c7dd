"""The life of a run: planned, found finished or done, told. What it takes to do is in ``work``.

Nothing here imports torch: a finished run is printed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.errors import ResourceError, mendable
from dfbench.results.result import RunResult, load_result
from dfbench.running.plan import Plan, make_plan
from dfbench.running.request import Request
from dfbench.running.start import check_ready


def run(request: Request, catalogue: Catalogue, reporter: Reporter) -> list[RunResult]:
    """Do what was asked; one result a test, in the order asked for: each dataset as it is, then
    perturbed, with a table and a picture of the drop in the model's folder.

    Raises a DfbenchError when something the user can mend is in the way; runs that had begun
    then have a ``result.json`` with status ``failed``, and the same command goes on from there.
    """
    try:
        plan = make_plan(request, catalogue, reporter)
        anew = request.again or request.confidence
        if anew or not all(finished(test.folder) for test in plan.tests):
            check_plan(plan)
    except OSError as error:  # a folder that may not be looked into, a file that may not be read
        raise mendable(error) from error
    folder = plan.tests[0].spec.model_folder(request.out)
    with _alone(folder, reporter):
        todo = [test for test in plan.tests if request.again or not finished(test.folder)]
        if todo:
            from dfbench.running.work import Run

            Run(plan, catalogue, reporter, folder, todo).go()
        else:
            reporter.note("finished already; --again does it anew")
        if request.confidence:
            from dfbench.running.confidence_stage import add_confidence

            add_confidence(plan, folder, catalogue, reporter)
    results = [load_result(test.folder) for test in plan.tests]
    if request.perturb:
        from dfbench.plots.robustness import write_robustness

        write_robustness(results, folder)
    return results


def finished(folder: Path) -> bool:
    """Whether the run in it has ended well. Raises ResultError for a result that cannot be read:
    one of a newer dfbench must not be overwritten."""
    if not (folder / "result.json").is_file():
        return False
    return load_result(folder).status == "finished"


def check_plan(plan: Plan) -> None:
    """What is left to check of a plan in which there is work to do. Raises a DfbenchError; nothing
    has been written then."""
    if not plan.ready:
        check_ready(plan.device, plan.card, plan.options, plan.weights, plan.request)


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
