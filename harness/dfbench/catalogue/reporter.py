"""How a run tells what it is doing. The core speaks to this; the command line draws bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Is given how many steps have just been done."""


class Reporter:
    """Says nothing; the command line's version shows it."""

    @contextmanager
    def task(self, what: str, total: int) -> Iterator[Advance]:
        """A stretch of work of ``total`` steps; call what it yields with the steps just done."""
        del what, total
        yield lambda _: None

    def note(self, text: str) -> None:
        """Something worth knowing."""

    def warn(self, text: str) -> None:
        """Something went wrong that does not stop the run."""
