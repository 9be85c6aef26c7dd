"""How busy the machine is while runs go on, for "System metrics" on MLflow's own pages.

Names and units are MLflow's. A run is sent when it ends, so its samples wait here until then.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dfbench import TrackingError

PREFIX = "system/"
INTERVAL = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"
EVERY_S = 10.0
MOST = 500
"""Samples kept. When there are more, every second one goes and the next come half as often: a run
of a week is sent as quickly as one of an hour."""
_FIRST_S = 0.1
_PATIENCE_S = 5.0
Read = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Sample:
    """at: milliseconds since 1970."""

    at: int
    values: Mapping[str, float]


@dataclass
class Series:
    """The samples of some runs; problem: why there are no more, or empty."""

    every: float
    samples: list[Sample] = field(default_factory=list)
    problem: str = ""

    def add(self, values: Mapping[str, float]) -> None:
        self.samples.append(Sample(round(1000 * time.time()), values))
        if len(self.samples) > MOST:
            del self.samples[1::2]
            self.every *= 2


class Sampler:
    """A thread that samples as long as any run goes on. Runs that go on at once share a series:
    the tests of a model all have what happened since the model was begun."""

    def __init__(self) -> None:
        self._active: set[Path] = set()
        self._series = Series(EVERY_S)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, run: Path) -> None:
        """The run in this folder begins. Raises TrackingError for an interval that is none."""
        with self._lock:
            if run in self._active:  # broken off in this process, so its end was never told
                self._stop()
                self._active.clear()
            if not self._active:
                self._series = Series(_interval())
            self._active.add(run)
            self._go()

    def finish(self, run: Path) -> Series | None:
        """What was sampled up to now; None for a run that was not begun here."""
        with self._lock:
            if run not in self._active:
                return None
            self._active.remove(run)
            self._stop()
            if self._active:
                self._go()
            series = self._series
            return Series(series.every, series.samples[:], series.problem)

    def _go(self) -> None:
        if self._thread is None and not self._series.problem:
            self._ending = threading.Event()
            self._thread = threading.Thread(
                target=_sample, args=(self._series, self._ending), name=__name__, daemon=True
            )
            self._thread.start()

    def _stop(self) -> None:
        """End the thread; it takes a last sample."""
        if self._thread is not None:
            self._ending.set()
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                self._series.problem = "the machine did not answer"
            self._thread = None


SAMPLER = Sampler()


def _interval() -> float:
    text = os.environ.get(INTERVAL) or str(EVERY_S)
    with suppress(ValueError):
        if (seconds := float(text)) > 0:
            return seconds
    raise TrackingError(f"{INTERVAL} is a number of seconds above 0, not {text!r}")


def _sample(series: Series, ending: threading.Event) -> None:
    """The thread itself: at once, then every so often, then once more."""
    try:
        import psutil

        psutil.cpu_percent()  # each call tells of the time since the one before
        last = ending.wait(_FIRST_S)
        with gpus() as of_gpus:
            while True:
                series.add(_machine(psutil) | of_gpus())
                if last:
                    return
                last = ending.wait(series.every)
    except Exception as error:  # noqa: BLE001 - told where the run is sent; the run goes on
        series.problem = f"{type(error).__name__}: {error}"


def _machine(psutil: Any) -> dict[str, float]:
    memory = psutil.virtual_memory()
    return {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / 1e6,
        "system_memory_usage_percentage": 100 * memory.used / memory.total,
    }


@contextmanager
def gpus() -> Iterator[Read]:
    """Reads the GPUs that this process may use; nothing where there is no driver, or no
    ``pynvml`` (package nvidia-ml-py)."""
    try:
        import pynvml
    except ImportError:
        yield dict
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield dict
        return
    try:
        yield partial(_read, pynvml, _visible(pynvml))
    finally:
        pynvml.nvmlShutdown()


def _visible(pynvml: Any) -> list[Any]:
    """Handles, in the order in which torch numbers them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    names = [name.strip() for name in named.split(",")]
    return [
        pynvml.nvmlDeviceGetHandleByIndex(int(name))
        if name.isdecimal()
        else pynvml.nvmlDeviceGetHandleByUUID(name)
        for name in names
        if name not in ("", "-1")
    ]


def _read(pynvml: Any, handles: Sequence[Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for i, handle in enumerate(handles):
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        found[f"gpu_{i}_memory_usage_megabytes"] = memory.used / 1e6
        found[f"gpu_{i}_memory_usage_percentage"] = 100 * memory.used / memory.total
        with suppress(pynvml.NVMLError_NotSupported):  # a part of a GPU does not know
            rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
            found[f"gpu_{i}_utilization_percentage"] = float(rates.gpu)
    return found
