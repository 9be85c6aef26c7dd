"""Where a run goes, and how MLflow is made to take it: quietly, soon, and without a trace."""

from __future__ import annotations

import logging
import os
import re
import shlex
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

CONTACT_S = 5
"""Seconds a server may take to answer at all; one more try is made."""
LOCKED_S = 120
"""Seconds to wait while other processes send their runs to the same local store."""
QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",  # a model of hundreds of MB needs a while
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_state = threading.RLock()  # the environment and the log levels belong to the whole process
_ours: set[str] = set()  # variables that stand there only because of us


@dataclass(frozen=True)
class Place:
    """A tracking address; ``local`` is the runs folder that holds it unless the user chose one."""

    uri: str
    local: Path | None = None

    @classmethod
    def choose(cls, out: Path) -> Place:
        """``MLFLOW_TRACKING_URI``, else ``<out>/mlflow.db``."""
        if uri := os.environ.get("MLFLOW_TRACKING_URI"):
            return cls(uri)
        return cls(f"sqlite:///{(out / 'mlflow.db').as_posix()}", out)

    @property
    def shown(self) -> str:
        """The address for people: without a password, and short where it is near."""
        if self.local and self.local.is_relative_to(Path.cwd()):
            return f"sqlite:///{(self.local / 'mlflow.db').relative_to(Path.cwd()).as_posix()}"
        return without_password(self.uri)

    @property
    def artifacts(self) -> str | None:
        """Where artifacts of a new experiment lie; None where the server decides."""
        return (self.local / "mlartifacts").as_uri() if self.local else None

    @property
    def file(self) -> Path | None:
        """The SQLite file that the address is of, else None."""
        found = re.fullmatch(r"sqlite:///([^?:]+)", self.uri)
        return Path(found.group(1)).absolute() if found else None

    def how_to_open(self, experiment_id: str, run_id: str) -> str:
        if self.uri.startswith("http"):
            where = self.shown.rstrip("/")
            return f"open {where}/#/experiments/{experiment_id}/runs/{run_id}"
        return f"open with: mlflow ui --backend-store-uri {shlex.quote(self.shown)}"

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client that has heard from the server. An SQLite file is ours alone meanwhile."""
        file = self.file
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=LOCKED_S) if file else None
        with lock or nullcontext():
            from mlflow import MlflowClient

            if file and not file.exists():
                _create_store(file)
            with answering_soon():
                client = MlflowClient(tracking_uri=self.uri)
                client.search_experiments(max_results=1)
            yield client


@contextmanager
def quietly() -> Iterator[None]:
    """MLflow without its chatter, its telemetry and its long waits; what the user has set in the
    environment stays as it is, and afterwards everything is as it was."""
    with _state, environment(QUIET), warnings.catch_warnings(), _logs_kept():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401 - sets its log level when it is imported

        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, before in zip(loggers, levels, strict=True):
                logger.setLevel(before)


@contextmanager
def _logs_kept() -> Iterator[None]:
    """The root logger as it was: importing mlflow.pytorch gives it a handler and another level."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables set for a while; one that the user has set keeps the user's value."""
    wanted = {k: v for k, v in values.items() if k in _ours or k not in os.environ}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    _ours.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
                _ours.discard(name)
            else:
                os.environ[name] = value


def answering_soon() -> AbstractContextManager[None]:
    return environment({"MLFLOW_HTTP_REQUEST_TIMEOUT": str(CONTACT_S)})


def without_password(text: str) -> str:
    """``text`` without the ``user:password@`` of the addresses in it."""
    return re.sub(r"(?<=://)[^/\s]+@", "", text)


def _create_store(path: Path) -> None:
    """Make the SQLite store, whole or not at all: MLflow takes dozens of migrations to make one,
    and a file left half-way by a kill could never be opened again.

    Nothing can be lost before it is in place, so nothing is forced to disk on the way: 1 s, not 6.
    """
    from mlflow import MlflowClient
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def hurry(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    event.listen(Engine, "connect", hurry)
    try:
        MlflowClient(tracking_uri=f"sqlite:///{temporary.as_posix()}").search_experiments()
        temporary.replace(path)
    finally:
        event.remove(Engine, "connect", hurry)
        temporary.unlink(missing_ok=True)
