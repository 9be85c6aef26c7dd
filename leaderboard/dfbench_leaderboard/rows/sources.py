"""Where runs are: folders, submissions below them, and tracking servers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dfbench import DfbenchError, ResultError, cache_folder, open_catalogue
from dfbench_leaderboard.rows.found import Found, LeftOut
from dfbench_leaderboard.rows.submitted import unpack

COPIES = ("mlartifacts", "mlruns")
"""Folders of MLflow's: they hold copies of results, also of runs done anew since."""
WATCHED = ("result.json", "predictions.csv", "spec.json", "validation.csv")
MARKS = frozenset({"spec.json", "result.json"})


@dataclass(frozen=True)
class Sources:
    """folders: searched at any depth. mlflow: addresses of tracking servers, of which
    ``experiments`` are taken, by default all of dfbench's."""

    folders: tuple[Path, ...] = ()
    mlflow: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()

    def find(self) -> Iterator[Found | LeftOut]:
        """Every run there is, once for each place that it lies at. Raises ResultError for a folder
        that does not exist, TrackingError for a server that does not answer."""
        yield from _below(self.folders)
        for address in self.mlflow:
            yield from _tracked(address, self.experiments)

    def files(self) -> Iterator[Path]:
        """The files below the folders that a change of a run changes."""
        for top in self.folders:
            for path, files, _ in _walk(top):
                yield from (Path(path, f) for f in files if f in WATCHED or f.endswith(".zip"))

    @property
    def names(self) -> list[str]:
        return [*map(str, self.folders), *self.mlflow]


def _below(folders: Iterable[Path]) -> Iterator[Found | LeftOut]:
    seen = set()
    for top in folders:
        if not top.is_dir():
            raise ResultError(f"{top} is no folder: say where the runs are with --runs DIR")
        for path, files, problem in _walk(top):
            if problem:
                yield LeftOut(_readable(path), f"cannot be read: {problem}")
            elif MARKS.isdisjoint(files):
                yield from _submitted(Path(path, f) for f in files if f.endswith(".zip"))
            elif (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                yield Found(Path(path), _readable(path))


def _walk(top: Path) -> Iterator[tuple[str, list[str], str]]:
    """Folders at any depth, the names of the files in them, and why they cannot be read, if so;
    nothing below a run. Links are followed, a lab links to what lies on another disk; each folder
    that links lead to once, so that they may lead in circles."""
    followed = {os.path.realpath(top)}

    def below(folder: str) -> Iterator[tuple[str, list[str], str]]:
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield folder, [], error.strerror or str(error)
            return
        files = [entry.name for entry in found if not entry.is_dir()]
        yield folder, files, ""
        if not MARKS.isdisjoint(files):
            return
        for entry in found:
            if not entry.is_dir() or entry.name in COPIES or entry.name.startswith("."):
                continue
            if entry.is_symlink():
                if (real := os.path.realpath(entry)) in followed:
                    continue
                followed.add(real)
            yield from below(entry.path)

    yield from below(str(top))


def _submitted(files: Iterable[Path]) -> Iterator[Found | LeftOut]:
    """Submissions, unpacked into the cache."""
    for file in files:
        try:
            yield Found(unpack(file, cache_folder(None) / "submissions"), _readable(file))
        except DfbenchError as error:
            yield LeftOut(_readable(file), str(error), rejected=True)


def _readable(path: Path | str) -> str:
    """A path as text that can be written anywhere: some file systems hold names that are none."""
    return os.fsencode(path).decode("utf-8", "replace")


def _tracked(address: str, experiments: Sequence[str]) -> Iterator[Found | LeftOut]:
    folder = cache_folder(None) / "tracked"
    for fetched in open_catalogue().fetch_runs(address, experiments, folder):
        if fetched.folder is None:
            yield LeftOut(fetched.source, fetched.reason)
        else:
            yield Found(fetched.folder, fetched.source)
