"""The other way: runs that a tracking server holds, as run folders on this machine."""

from __future__ import annotations

import difflib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dfbench import Fetched, TrackingError, UnknownNameError
from dfbench_mlflow import names
from dfbench_mlflow.place import Place, environment, quietly, without_password
from dfbench_mlflow.problems import problems, reason
from dfbench_mlflow.sending.send import SENT

NEEDED = "result.json"
FILES = (NEEDED, "spec.json", "predictions.csv", "videos.csv", "validation.csv")
"""Artifacts that are fetched where a run has them. These names are asked for; none that a server
gives becomes a path here."""
MARK = ".fetched"
"""Written last, with what the run was known by: a folder without it is not whole."""
THREADS = 8
MOST_BYTES = 500_000_000
"""Of one file."""
PAGE = 1000
ALLOWED = {"MLFLOW_ALLOW_FILE_STORE": "true"}
"""MLflow 3 opens the folders that older ones kept their runs in only when told to."""
_KNOWN = re.compile(r"(https?|sqlite|file|databricks|(mysql|postgresql|mssql)(\+\w+)?):", re.I)


def fetch(address: str, experiments: Sequence[str], folder: Path) -> list[Fetched] | None:
    """Runs of the experiments named, by default of all that dfbench made, each in a folder below
    ``folder``; what is there already is not downloaded again. None for an address that is none of
    MLflow's.

    Raises TrackingError where the server does not answer, UnknownNameError for an experiment that
    it does not have.
    """
    if not _KNOWN.match(address):
        return None
    place = Place(address)
    if not _is_there(place):  # MLflow would make an empty one
        raise TrackingError(f"{place.shown} is not there")
    below = folder / hashlib.sha256(without_password(address).encode()).hexdigest()[:12]
    try:
        with quietly(), environment(ALLOWED), place.client() as client:
            fetching = _Fetching(client, place, below)
            runs = list(_runs(client, _experiments(client, experiments, place)))
            with ThreadPoolExecutor(THREADS) as pool:
                return list(pool.map(fetching.tried, runs))
    except (*problems(), _parse_error()) as error:
        raise TrackingError(f"{place.shown} did not give its runs ({reason(error)})") from error


def _is_there(place: Place) -> bool:
    """Whether a store of this machine exists; True for a server."""
    if place.uri.lower().startswith("file:"):
        return Path(url2pathname(urlsplit(place.uri).path)).is_dir()
    return place.file is None or place.file.is_file()


def _parse_error() -> type[Exception]:
    """What MLflow lets through when a server answers in JSON that is not MLflow's."""
    from google.protobuf.json_format import ParseError

    return ParseError  # type: ignore[no-any-return]


def _experiments(client: Any, wanted: Sequence[str], place: Place) -> list[str]:
    """Ids of the experiments."""
    found: dict[str, str] = {}
    token = None
    while True:
        page = client.search_experiments(max_results=PAGE, page_token=token)
        found |= {one.name: one.experiment_id for one in page}
        token = page.token
        if not token:
            break
    if not wanted:
        return [number for name, number in found.items() if name.startswith(names.PREFIX)]
    for name in wanted:
        if name not in found:
            near = difflib.get_close_matches(name, found, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            known = names.cut(", ".join(map(repr, sorted(found)))) or "none"
            raise UnknownNameError(
                f"{place.shown} has no experiment {name!r}.{hint} There are: {known}."
            )
    return [found[name] for name in dict.fromkeys(wanted)]


def _runs(client: Any, experiments: Sequence[str]) -> Iterator[Any]:
    """All runs that are not deleted. The parents that a matrix's runs hang under are none."""
    for i in range(0, len(experiments), 10):  # some servers take no more at once
        token = None
        while True:
            page = client.search_runs(experiments[i : i + 10], max_results=PAGE, page_token=token)
            yield from (
                run
                for run in page
                if "dfbench.matrix" not in run.data.tags or "dfbench.run_id" in run.data.tags
            )
            token = page.token
            if not token:
                break


class _Fetching:
    def __init__(self, client: Any, place: Place, below: Path) -> None:
        self.client, self.place, self.below = client, place, below

    def tried(self, run: Any) -> Fetched:
        """One run that cannot be had does not keep the others away."""
        try:
            return self.one(run)
        except Exception as error:  # noqa: BLE001 - each kind of store raises errors of its own
            why = reason(error) or type(error).__name__
            return Fetched(None, self._source(run.info), f"could not be had: {why}")

    def one(self, run: Any) -> Fetched:
        info = run.info
        source = self._source(info)
        if not re.fullmatch(r"[\w-]+", info.run_id):  # it becomes the name of a folder
            return Fetched(None, source, f"has the strange id {info.run_id!r}")
        folder = self.below / info.run_id
        known_by = run.data.tags.get(SENT) or f"{info.status} {info.end_time}"
        ended = info.end_time is not None
        if ended and _is_whole(folder, known_by):
            return Fetched(folder, source)
        store = self._store(info.artifact_uri)
        there = {
            file.path: file.file_size or 0
            for file in store.list_artifacts()
            if file.path in FILES and not file.is_dir
        }
        if NEEDED not in there:
            return Fetched(None, source, f"has no {NEEDED}" + ("" if ended else " yet: it runs"))
        if large := [name for name, size in there.items() if size > MOST_BYTES]:
            return Fetched(None, source, f"{large[0]} is larger than {MOST_BYTES // 10**6} MB")
        self._download(store, list(there), folder, known_by)
        return Fetched(folder, source)

    def _store(self, uri: str) -> Any:
        """Where a run's artifacts lie: with the server, or in a store that it names."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, tracking_uri=self.place.uri)

    def _download(self, store: Any, files: list[str], folder: Path, known_by: str) -> None:
        """Into a folder of its own, which then takes the place of the old one."""
        self.below.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self.below, prefix="."))
        try:
            for name in files:
                # Of all stores the way to get one file in one request: the public
                # download_artifacts lists the folder again for each.
                store._download_file(name, str(made / name))
            (made / MARK).write_text(known_by, "utf-8")
            made.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)
            try:
                made.rename(folder)
            except OSError:
                if not _is_whole(folder, known_by):  # else another process was faster
                    raise
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _source(self, info: Any) -> str:
        if self.place.uri.lower().startswith("http"):
            where = self.place.shown.rstrip("/")
            return f"{where}/#/experiments/{info.experiment_id}/runs/{info.run_id}"
        return f"{self.place.shown}: {info.run_name} ({info.run_id})"


def _is_whole(folder: Path, known_by: str) -> bool:
    mark = folder / MARK
    return mark.is_file() and mark.read_text("utf-8") == known_by
