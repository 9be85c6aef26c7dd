"""Which video of a dataset a name in somebody's file means."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from dfbench.catalogue.records import VideoRecord
from dfbench.video.endings import is_video_name


class Matcher:
    """Finds records by their id, or by what of a path they share with it.

    ``x``, ``x.mp4``, ``fake/x.mp4`` and ``/data/set/fake/x.mp4`` all mean ``fake/x`` where nothing
    else could be meant: one of the two must be the end of the other, the ending apart.
    """

    def __init__(self, records: Iterable[VideoRecord]) -> None:
        self.by_id = {record.id: record for record in records}
        self.by_whole: dict[str, list[VideoRecord]] = defaultdict(list)
        self.by_end: dict[str, list[VideoRecord]] = defaultdict(list)
        for record in self.by_id.values():
            whole, *ends = _ends(_plain(record.id))
            self.by_whole[whole].append(record)
            for end in ends:
                self.by_end[end].append(record)

    def find(self, name: str, method: str = "") -> list[VideoRecord]:
        """The records that ``name`` may mean: one, or none, or several between which nothing
        decides, not even the ``method`` of the fake."""
        if name in self.by_id:
            return [self.by_id[name]]
        plain = _plain(name)
        found = self.by_whole.get(plain) or [
            *self.by_end.get(plain, ()),
            *(record for end in _ends(plain) for record in self.by_whole.get(end, ())),
        ]
        if len(found) > 1 and method:
            found = [record for record in found if record.method == method] or found
        return found

    def near(self, name: str) -> list[str]:
        """Ids that look like ``name``."""
        return difflib.get_close_matches(name, self.by_id, n=2, cutoff=0.6)


def _plain(name: str) -> str:
    """A path with ``/`` alone, neither ``./`` before it nor the ending of a video after it."""
    path = Path(name.replace("\\", "/"))
    path = path.with_suffix("") if is_video_name(path) else path
    return path.as_posix().lstrip("/")


def _ends(path: str) -> Iterator[str]:
    """``a/b/c``, ``b/c``, ``c``."""
    parts = path.split("/")
    return ("/".join(parts[i:]) for i in range(len(parts)))
