"""Watch: the site on this machine alone, built anew when runs change."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dfbench import DfbenchError, ResourceError

HOST = "127.0.0.1"
EVERY_S = 2.0
"""Seconds between two looks at the runs, at the least."""
REST = 10
"""How many times as long as a look takes until the next one: thousands of runs take a second."""
Marks = dict[str, tuple[int, int]]
"""Of each file its time of change and its size."""


def marks(files: Iterable[Path]) -> Marks:
    """What tells whether runs have changed, at the cost of a ``stat`` a file."""
    found = {}
    for file in files:
        try:
            about = file.stat()
        except OSError:  # gone since it was listed
            continue
        found[str(file)] = (about.st_mtime_ns, about.st_size)
    return found


def serve(
    build: Callable[[], str],
    watched: Callable[[], Iterable[Path]],
    site: Path,
    port: int,
    say: Callable[[str], None],
    stop: threading.Event | None = None,
) -> None:
    """Build the site, serve it on loopback until Ctrl-C (or ``stop``), and build it anew whenever
    one of the ``watched`` files changes. Whoever reads it meanwhile sees the old one.

    build: writes ``site`` and returns a line to say. port: 0 takes any that is free. A build that
    fails is said, and the old site stays; the first one has to succeed. Raises ResourceError where
    the port is taken, and what ``build`` raises at first.
    """
    stop = stop or threading.Event()
    with _server(site, port) as server:
        before = marks(watched())
        say(build())
        say(f"http://{HOST}:{server.server_port}/ until Ctrl-C; reload the page to see changes")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            rest = EVERY_S
            while not stop.wait(rest):
                begin = time.perf_counter()
                now = marks(watched())
                rest = max(EVERY_S, REST * (time.perf_counter() - begin))
                if now != before:
                    before = now
                    _build_anew(build, say)
        except KeyboardInterrupt:
            say("stopped")
        finally:
            server.shutdown()


def _build_anew(build: Callable[[], str], say: Callable[[str], None]) -> None:
    try:
        say(build())
    except (DfbenchError, OSError) as error:  # files come and go while a run is written
        say(f"not built anew: {error}")


def _server(site: Path, port: int) -> ThreadingHTTPServer:
    handler = functools.partial(_Handler, directory=str(site))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise ResourceError(
            f"port {port} cannot be had ({error.strerror}): choose another --port"
        ) from error


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site and no listings; to nobody who was led here by another name than this
    machine's own (DNS rebinding)."""

    def send_head(self):  # type: ignore[no-untyped-def]
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if name not in (HOST, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN, "this address is for this machine alone")
            return None
        return super().send_head()

    def list_directory(self, path):  # type: ignore[no-untyped-def]  # noqa: ARG002
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal is for what was built."""
