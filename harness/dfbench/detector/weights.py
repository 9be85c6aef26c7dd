"""Files of weights: found, fetched, verified, read. Known by sha256, never by their name alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from dfbench.catalogue.cards import DetectorCard, FaceDetectorCard, WeightsFile
from dfbench.errors import ResourceError, WeightsError
from dfbench.files import write_atomic

Progress = Callable[[int, int | None], object]
_TRIES = 4
_SILENT: Progress = lambda done, total: None  # noqa: E731


@dataclass(frozen=True)
class Weights:
    """A file of weights on this disk. name: as a card calls it, or the file's own name."""

    name: str
    path: Path
    sha256: str


def sha256_of(path: Path) -> str:
    """The digest of a file's content, 64 hex digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locate(
    card: DetectorCard | FaceDetectorCard, name: str, folder: Path, progress: Progress = _SILENT
) -> Weights:
    """The file for ``name``: one of the card's published files (fetched if need be), or a path.

    Raises WeightsError naming the file and where to get it; nothing is ever replaced by random
    numbers.
    """
    for known in card.weights:
        if known.name == name:
            return fetch(card.name, known, folder, progress)
    path = Path(name).expanduser()
    if path.is_file():
        return Weights(path.name, path, sha256_of(path))
    names = ", ".join(w.name for w in card.weights) or "none"
    raise WeightsError(
        f"no weights {name!r} for {card.name}: not a file, nor one of its published ones ({names})"
    )


def stored_at(owner: str, weights: WeightsFile, folder: Path) -> Path:
    """Where a published file lies once it is here: ``<folder>/<owner>/<filename>``."""
    return folder / owner / weights.filename


def fetch(owner: str, weights: WeightsFile, folder: Path, progress: Progress = _SILENT) -> Weights:
    """The published file in ``folder``, downloaded and verified on first use.

    Raises WeightsError when it cannot be had or its sha256 is another.
    """
    path = stored_at(owner, weights, folder)
    if not path.is_file():
        if weights.url is None:
            where = f" It is published at {weights.page}." if weights.page else ""
            raise WeightsError(
                f"weights {weights.name} of {owner} have no direct address.{where} Download "
                f"{weights.filename}, then: dfbench weights add {owner} {weights.name} FILE"
            )
        _make_folder(path.parent)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if not path.is_file():
                _download(owner, weights, path, progress)
    return Weights(weights.name, path, verify(owner, weights, path))


def add(owner: str, weights: WeightsFile, source: Path, folder: Path) -> Weights:
    """Put a file that the user has into its place (offline use), after verifying it."""
    if not source.is_file():
        raise WeightsError(f"{source} does not exist or is no file")
    data = source.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    _same(owner, weights, source, found, weights.sha256)
    path = stored_at(owner, weights, folder)
    _make_folder(path.parent)
    _place(path, data)
    _record(path, found)
    return Weights(weights.name, path, found)


def verify(owner: str, weights: WeightsFile, path: Path) -> str:
    """The file's sha256, compared with what is published of it, and with that of its first use
    where the publisher gives none, or its first digits alone."""
    found = sha256_of(path)
    _same(owner, weights, path, found, weights.sha256)
    before = recorded(path)
    _same(owner, weights, path, found, before)
    if before is None:
        _record(path, found)
    return found


def recorded(path: Path) -> str | None:
    """The sha256 that the file had on first use; None before it."""
    note = path.with_name(path.name + ".sha256")
    return note.read_text("ascii").strip() if note.is_file() else None


def _same(owner: str, weights: WeightsFile, path: Path, found: str, expected: str | None) -> None:
    if expected is not None and not found.startswith(expected):
        raise WeightsError(
            f"{path} is not {weights.name} of {owner}: sha256 {found[:12]}…, "
            f"expected {expected[:12]}…. Delete it, or get the right file"
            + (f" from {weights.url or weights.page}" if weights.url or weights.page else "")
        )


def _record(path: Path, digest: str) -> None:
    _place(path.with_name(path.name + ".sha256"), f"{digest}\n".encode())


def _place(path: Path, data: bytes) -> None:
    try:
        write_atomic(path, data)
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"{folder} cannot be made ({error.strerror}): name another --cache"
        ) from (error)


def _download(owner: str, weights: WeightsFile, path: Path, progress: Progress) -> None:
    """Fetch into ``.part``, going on where an earlier try broke off, then move into place. The
    addresses are tried in turn; the last one's trouble is told."""
    assert weights.url is not None
    part = path.with_name(f".{path.name}.part")
    trouble = WeightsError("no address")
    for url in (weights.url, *weights.mirrors):
        try:
            _get(url, part, progress)
            _same(owner, weights, part, sha256_of(part), weights.sha256)
            part.replace(path)
            return
        except _NotFetchedError as error:
            trouble = WeightsError(_not_fetched(owner, weights, url, str(error)))
            trouble.__cause__ = error
            if weights.mirrors:  # what one address began another must not go on with
                part.unlink(missing_ok=True)
        except WeightsError as error:
            trouble = error
            part.unlink()  # a wrong file must not be continued next time
    raise trouble


class _NotFetchedError(WeightsError):
    """An address gave nothing, or not all of it."""


def _get(url: str, part: Path, progress: Progress) -> None:
    """Several tries at one address; what came of it stays in ``part`` unless it was refused."""
    import requests

    problem = "no answer"
    for _ in range(_TRIES):
        try:
            return _continue(url, part, progress)
        except requests.HTTPError as error:
            problem = f"the server answered {error.response.status_code}"
            if error.response.status_code < 500:
                part.unlink(missing_ok=True)
                raise _NotFetchedError(problem) from error
        except requests.RequestException as error:
            problem = type(error).__name__
        except OSError as error:
            raise ResourceError(f"{part} cannot be written: {error.strerror}") from error
    raise _NotFetchedError(problem)


def _not_fetched(owner: str, weights: WeightsFile, url: str, problem: str) -> str:
    return (
        f"weights {weights.name} of {owner} could not be fetched from {url} ({problem}). "
        f"Try again, or get the file elsewhere, then: dfbench weights add {owner} "
        f"{weights.name} FILE"
    )


def _continue(url: str, part: Path, progress: Progress) -> None:
    import requests

    have = part.stat().st_size if part.is_file() else 0
    # A compressed answer could not be continued from the bytes that are here.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=(10, 60)) as answer:
        if answer.status_code == 416:  # nothing left to send: the part is the whole
            return
        answer.raise_for_status()
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise _NotFetchedError("the server sent a web page")
        resumed = answer.status_code == 206
        length = answer.headers.get("Content-Length")
        total = int(length) + (have if resumed else 0) if length else None
        done = have if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            for block in answer.iter_content(1 << 16):
                file.write(block)
                done += len(block)
                progress(done, total)
        if total is not None and done < total:
            raise requests.ConnectionError("the connection broke off")
