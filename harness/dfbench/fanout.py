"""Many like tasks side by side: on the processes of this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import joblib

from dfbench.errors import OptionError, ResourceError

BACKENDS = ("local", "ray")

Task = TypeVar("Task")
Done = TypeVar("Done")


def fan_out(
    function: Callable[[Task], Done],
    tasks: Sequence[Task],
    workers: int,
    *,
    in_order: bool = False,
    backend: str = "local",
    threads: bool = False,
    gpus: int = 0,
) -> Iterator[Done]:
    """What ``function`` makes of each task, as it is done, or in the order of ``tasks``.

    threads: here, run in threads: for tasks that wait for a process of their own. gpus: how many
    each task holds on a Ray cluster. An exception of ``function`` is raised here. Raises
    ResourceError when a process was killed or Ray is not installed, OptionError for another
    backend.
    """
    with _backend(backend, gpus) as streams:
        how = "list" if not streams else "generator" if in_order else "generator_unordered"
        pool = joblib.Parallel(
            n_jobs=max(min(workers, len(tasks)), 1),
            return_as=how,
            prefer="threads" if threads else None,
        )
        try:
            yield from pool(joblib.delayed(function)(task) for task in tasks)
        except BrokenProcessPool as error:
            raise ResourceError(
                "a worker process was killed, most likely for want of memory: lower --workers; "
                "the same command goes on from here"
            ) from error


@contextmanager
def _backend(name: str, gpus: int) -> Iterator[bool]:
    """Sets joblib's backend; whether it gives results as they come."""
    if name not in BACKENDS:
        raise OptionError(f"--backend is one of {', '.join(BACKENDS)}, not {name!r}")
    if name == "local":
        yield True
        return
    try:
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise ResourceError(
            'Ray is not installed: pip install "deepfake-bench[ray]", or leave out --backend ray'
        ) from error
    register_ray()  # type: ignore[no-untyped-call,unused-ignore]
    with joblib.parallel_config(backend="ray", ray_remote_args={"num_gpus": gpus}):
        yield False


def cluster_gpus() -> int:
    """GPUs of the Ray cluster that ``RAY_ADDRESS`` names, or of this machine."""
    import ray

    ray.init(ignore_reinit_error=True, log_to_driver=True)
    return int(ray.cluster_resources().get("GPU", 0))


def default_workers() -> int:
    """Processes that this machine runs side by side: its cores, or those this job may use."""
    return int(joblib.cpu_count())
