"""One model of a matrix in a process of its own: ``python -m dfbench.matrix.job``.

It is handed a request on stdin, does it as ``dfbench run`` would, and answers with JSON lines on
stdout: what it is doing, and last how it ended. The results stand in the run folders.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from dfbench.catalogue.reporter import Advance, Reporter
from dfbench.errors import DfbenchError
from dfbench.running.request import Request

Event = Mapping[str, Any]
"""``{"task": what, "total": n}``, ``{"advance": steps}``, ``{"warn": text}``, ``{"end": problem}``,
the problem empty where there was none."""
_SHOWN_EVERY = 0.2
_GRACE = 0.1


def do(
    request: Request, log: Path, cwd: Path, env: Mapping[str, str], hear: Callable[[Event], None]
) -> str:
    """Do a request in a new process; what went wrong, or an empty text.

    env: added to this process's. log: takes what the process prints. ``hear`` is given each event
    as it comes. The process ends itself, and all that it has started, when this one is gone.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dfbench.matrix.job"],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            start_new_session=True,
        )
    with process:  # closes the pipes on the way out, whatever happens, and waits
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(pickle.dumps((sys.argv, request)))
            process.stdin.flush()
        except BrokenPipeError:  # it has died already
            with suppress(BrokenPipeError):  # closing tries once more
                process.stdin.close()
        problem = None
        for line in process.stdout:
            event = json.loads(line)
            hear(event)
            problem = event.get("end", problem)
    return _ended(process.returncode, log) if problem is None else str(problem)


def _ended(code: int, log: Path) -> str:
    """Why a process ended that could not say so itself."""
    if code < 0:
        return (
            f"killed by {signal.Signals(-code).name}, most likely for want of memory: lower "
            "--jobs, --workers or --batch-size; the same command goes on from here"
        )
    return f"ended with exit code {code} and no word: see {log}"


class Lines(Reporter):
    """Tells the parent, at most a few times a second, how far the work is."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out

    def say(self, **event: object) -> None:
        print(json.dumps(event), file=self.out, flush=True)

    @contextmanager
    def task(self, what: str, total: int) -> Iterator[Advance]:
        self.say(task=what, total=total)
        waiting, last = 0, time.monotonic()

        def advance(steps: int) -> None:
            nonlocal waiting, last
            waiting += steps
            if time.monotonic() - last > _SHOWN_EVERY:
                self.say(advance=waiting)
                waiting, last = 0, time.monotonic()

        yield advance

    def warn(self, text: str) -> None:
        self.say(warn=text)


def main() -> None:
    """The process itself."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anyone prints goes to the log
    sys.argv, request = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    lines = Lines(answers)
    lines.say(end=_run(request, lines))


def _run(request: Request, reporter: Reporter) -> str:
    try:
        from dfbench.catalogue.plugins import open_catalogue
        from dfbench.running.runner import run

        run(request, open_catalogue(), reporter)
    except DfbenchError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - it belongs to this model alone
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""


def _end_with_parent() -> None:
    """Nothing more comes on stdin; when it closes, the parent is gone: so go all, workers too."""
    while os.read(0, 1):  # not through sys.stdin, whose lock would stand in the way of a good end
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


if __name__ == "__main__":
    main()
