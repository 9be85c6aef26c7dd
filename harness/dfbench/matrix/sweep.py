"""Doing a matrix: each model trained once, in a process of its own, and tested everywhere.

What a job leaves is read from the run folders, so the same command goes on after any stop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

from dfbench.errors import ResourceError
from dfbench.evaluate.generalisation import Outcome
from dfbench.fanout import cluster_gpus, default_workers, fan_out
from dfbench.files import safe_name
from dfbench.matrix.cells import Cell, Model, with_own_roots
from dfbench.matrix.job import Event, do

Show = Callable[[str, Event], None]
"""Is given a model's name and what its process says; ``{"begin": gpu}`` comes first, and
``{"ended": problem}`` last."""


def run_matrix(
    models: Sequence[Model], logs: Path, jobs: int | None, backend: str, show: Show
) -> list[Outcome]:
    """Do what is to do, ``jobs`` models at a time (None: one a GPU, else one), and tell how every
    cell stands. Raises ResourceError where jobs cannot be started at all."""
    todo = [model for model in models if model.todo()]
    problems: dict[str, str] = {}
    if todo:
        here = _gpus(todo[0].request.device) if backend == "local" else []
        number = _jobs(jobs, backend, todo[0].request.device, len(here))
        work = partial(
            _work, logs=logs, show=show, place=_place(logs.parent), **_share(here, number, backend)
        )
        ended = fan_out(
            work,
            todo,
            number,
            backend=backend,
            threads=True,
            gpus=int(todo[0].request.device != "cpu"),
        )
        problems = dict(ended)
    return [
        _outcome(cell, problems.get(model.name, "")) for model in models for cell in model.cells
    ]


def _jobs(asked: int | None, backend: str, device: str, gpus: int) -> int:
    if backend == "ray" and device != "cpu":
        gpus = cluster_gpus()
        if not gpus:
            raise ResourceError("the Ray cluster has no GPU: give --device cpu")
        return min(asked or gpus, gpus)
    return asked or max(gpus, 1)


def _gpus(device: str) -> list[str]:
    """Names of this machine's GPUs, as ``CUDA_VISIBLE_DEVICES`` takes them."""
    if device == "cpu":
        return []
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    number = torch.cuda.device_count()
    return (named.split(",") if named else [str(n) for n in range(number)])[:number]


def _place(folder: Path) -> dict[str, Any]:
    """What a job on another machine must be told: the working folder, the settings in variables,
    and the name of the matrix, which is that of its folder."""
    env = {k: v for k, v in os.environ.items() if k.startswith(("DFBENCH_", "MLFLOW_"))}
    return {"cwd": Path.cwd(), "env": {**env, "DFBENCH_MATRIX": folder.name}}


def _share(gpus: Sequence[str], jobs: int, backend: str) -> dict[str, Any]:
    """What local jobs divide among them: GPUs in turn, and cores alike."""
    if backend == "ray":  # which hands them out itself
        return {"gpus": None, "cores": None}
    queue: Queue[str] = Queue()
    for number in range(jobs):
        queue.put(gpus[number % len(gpus)] if gpus else "")
    return {"gpus": queue, "cores": max(default_workers() // jobs, 1) if jobs > 1 else None}


def _work(
    model: Model,
    *,
    logs: Path,
    show: Show,
    place: dict[str, Any],
    gpus: Queue[str] | None,
    cores: int | None,
) -> tuple[str, str]:
    """Do one model in a new process; its name, and what went wrong."""
    todo = model.todo()
    tests = tuple(test for test in model.request.tests if test in {cell.test for cell in todo})
    request = with_own_roots(replace(model.request, tests=tests))
    env = dict(place["env"])
    if cores is not None:
        env["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", str(cores))
        request = replace(request, workers=cores if request.workers is None else request.workers)
    gpu = gpus.get() if gpus else ""
    if gpu:
        env["CUDA_VISIBLE_DEVICES"] = gpu
    for cell in todo:
        assert cell.folder is not None
        (cell.folder / "result.json").unlink(missing_ok=True)  # what stands there after is new
    show(model.name, {"begin": gpu})
    try:
        problem = do(
            request,
            logs / f"{safe_name(model.name)}.log",
            place["cwd"],
            env,
            partial(show, model.name),
        )
    finally:
        if gpus:
            gpus.put(gpu)
    show(model.name, {"ended": problem})
    return model.name, problem


def _outcome(cell: Cell, problem: str) -> Outcome:
    test = cell.test + (f"+{cell.variant}" if cell.variant else "")
    result = None if cell.problem else cell.result()
    reason = cell.problem or problem or "ended without a result"
    if result is not None:
        reason = "" if result.status == "finished" else result.error or "failed"
        result = None if reason else result
    return Outcome(cell.detector, cell.train, test, cell.seed, result, reason, cell.folder)
