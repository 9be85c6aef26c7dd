"""A submission that somebody sent: unpacked, its digests checked. Whether the run in it holds is
seen as of any run, see ``faults``."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfbench import ResourceError, ResultError
from dfbench_leaderboard.rows import zipped
from dfbench_leaderboard.rows.zipped import ABOUT

SCHEMA = 1


def unpack(file: Path, folder: Path) -> Path:
    """The folder of a run, ``folder/<run id>-<digest of the file>``, made from a submission unless
    it is there already. Its digests are checked; the run itself is not.

    Raises ResultError for a file that is no submission or was changed, ResourceError where the
    folder cannot be written.
    """
    members = zipped.read(file)
    about = check_about(members, str(file))
    try:
        whole = zipped.digest(file.read_bytes())
        place = folder / f"{about['run_id']}-{whole[:12]}"
        if not place.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=folder, prefix="."))
            try:
                for name, data in members.items():
                    (made / name).write_bytes(data)
                made.rename(place)
            except OSError:
                if not place.is_dir():  # another process may have been faster
                    raise
            finally:
                shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise ResourceError(f"{folder} cannot be written: {error.strerror}") from error
    return place


def check_about(members: Mapping[str, bytes], where: str) -> dict[str, Any]:
    """``submission.json``, when it describes the other members. Raises ResultError."""
    try:
        about = json.loads(members[ABOUT])
        schema, run_id = about["schema"], str(about["run_id"])
        said = {str(name): one["sha256"] for name, one in about["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ResultError(f"{where}: {ABOUT} cannot be read: {error!r}") from error
    if type(schema) is not int or not 0 < schema <= SCHEMA:
        raise ResultError(f"{where} has schema {schema!r}, this dfbench reads up to {SCHEMA}")
    if not (run_id.isalnum() and run_id.isascii() and len(run_id) <= 64):
        raise ResultError(f"{where}: {run_id[:64]!r} is no run id")
    here = {name: zipped.digest(data) for name, data in members.items() if name != ABOUT}
    if wrong := sorted(name for name in said.keys() | here if said.get(name) != here.get(name)):
        raise ResultError(f"{where}: {', '.join(wrong)} is not what {ABOUT} says")
    return {**about, "run_id": run_id}
