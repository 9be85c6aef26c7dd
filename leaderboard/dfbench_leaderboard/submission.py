"""A submission: a run made fit to be given away: spec, scores and result, no weights, nothing of
the machine it was made on."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from dfbench import __version__
from dfbench.catalogue.plugins import open_catalogue
from dfbench.errors import ResourceError, ResultError
from dfbench.evaluate.stored import StoredRun
from dfbench.evaluate.verification import verify
from dfbench.results.provenance import now
from dfbench.results.result import load_result
from dfbench_leaderboard import submission_file
from dfbench_leaderboard.row import row_of
from dfbench_leaderboard.site.run_facts import origin_facts
from dfbench_leaderboard.sources import Found
from dfbench_leaderboard.submission_file import ABOUT, MAY_HOLD, NEEDED

SCHEMA = 1
LICENCE = "CC-BY-4.0: scores and results only; videos and weights keep their own licences"
KEPT = ("started", "ended", "git_commit", "leak_check")
"""What is kept of a result's provenance: the rest names folders and files of a machine."""


@dataclass(frozen=True)
class Note:
    """What the submitter says. licence: of the scores and the result. contact: who to ask."""

    licence: str = LICENCE
    contact: str = ""


def submit(run: StoredRun, file: Path, note: Note, *, force: bool = False) -> dict[str, Any]:
    """Write the submission of a run; what its ``submission.json`` says.

    Raises ResultError for a run that does not hold, ResourceError where ``file`` is there already
    (unless ``force``) or cannot be written.
    """
    if file.exists() and not force:
        raise ResourceError(f"{file} is there already: --force writes over it")
    if faults := run_faults(run):
        raise ResultError(f"{run.folder} does not hold: {'; '.join(faults)}")
    with _of_a_run(run.folder):
        members = _members(run)
        about = _about(run, note, members)
        members[ABOUT] = _json(about)
    try:
        submission_file.write(file, members)
    except OSError as error:
        raise ResourceError(f"{file} cannot be written: {error.strerror}") from error
    return about


def _members(run: StoredRun) -> dict[str, bytes]:
    """The files, those of the model's folder among them, without what is this machine's own."""
    result = json.loads((run.folder / "result.json").read_text("utf-8"))
    made = result.get("provenance", {})
    result["provenance"] = {key: made[key] for key in KEPT if key in made}
    result["provenance"]["command"] = [_bare(word) for word in made.get("command", ())]
    members = {
        "spec.json": _json(run.result.spec.to_json()),
        "result.json": _json(result),
        "predictions.csv": (run.folder / "predictions.csv").read_bytes(),
    }
    for name in MAY_HOLD:
        for folder in (run.folder, run.folder.parent.parent):
            if (folder / name).is_file() and (name == "validation.csv" or folder == run.folder):
                members.setdefault(name, (folder / name).read_bytes())
    return members


def _bare(word: str) -> str:
    """A word of a command line without the folders in it: ``--out /home/me/runs`` names nobody."""
    option, equals, value = word.partition("=")
    if equals and ("/" in value or "\\" in value):
        return f"{option}={_name(value)}"
    return _name(word) if ("/" in word or "\\" in word) and "->" not in word else word


def _name(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name or "."


def _about(run: StoredRun, note: Note, members: Mapping[str, bytes]) -> dict[str, Any]:
    result, spec, model = run.result, run.result.spec, run.result.spec.model
    machine = result.environment
    return {
        "schema": SCHEMA,
        "run_id": spec.run_id,
        "detector": model.label,
        "trained_on": model.trained_on,
        "tested_on": spec.test.label,
        "seed": spec.seed,
        "limited": spec.limited,
        "plugin": model.plugin,
        "plugin_version": model.plugin_version,
        "install": None if model.made_elsewhere else f"{model.plugin}=={model.plugin_version}",
        "environment": {
            **{key: machine.get(key) for key in ("python", "device", "gpu", "cpu")},
            "versions": machine.get("versions", {}),
        },
        "licence": note.licence,
        "contact": note.contact,
        "made_by": f"deepfake-bench {__version__}",
        "created": result.provenance.get("ended") or now(),
        "files": {
            name: {"sha256": submission_file.digest(data), "bytes": len(data)}
            for name, data in sorted(members.items())
        },
    }


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


# --- the other way ----------------------------------------------------------------------------


def unpack(file: Path, folder: Path) -> Path:
    """The folder of a run, ``folder/<run id>-<digest of the file>``, made from a submission unless
    it is there already. Its digests are checked; the run itself is not.

    Raises ResultError for a file that is no submission or was changed, ResourceError where the
    folder cannot be written.
    """
    members = submission_file.read(file)
    about = check_about(members, str(file))
    try:
        whole = submission_file.digest(file.read_bytes())
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
    here = {name: submission_file.digest(data) for name, data in members.items() if name != ABOUT}
    if wrong := sorted(name for name in said.keys() | here if said.get(name) != here.get(name)):
        raise ResultError(f"{where}: {', '.join(wrong)} is not what {ABOUT} says")
    return {**about, "run_id": run_id}


def submission_faults(folder: Path) -> list[str]:
    """What is wrong with an unpacked submission, or with the folder of a run: each fault a line."""
    run = StoredRun(folder, load_result(folder))
    if run.result.status != "finished":
        return [f"the run has {run.result.status}: {run.result.error}"]
    faults = _about_faults(run) if (folder / ABOUT).is_file() else []
    return faults or run_faults(run)


def run_faults(run: StoredRun) -> list[str]:
    """What is wrong with a finished run, as ``build`` would find it too; each fault a line."""
    try:
        with _of_a_run(run.folder):
            faults = verify(run, open_catalogue().metrics())
            row_of(run, Found(run.folder, str(run.folder)), ())
            list(origin_facts(run))
    except ResultError as error:
        return [str(error)]
    return faults


@contextmanager
def _of_a_run(folder: Path) -> Iterator[None]:
    """Raises ResultError where the files hold other kinds of values than those of a run."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ResultError(
            f"{folder}: its files are not those of a run: {type(error).__name__}: {error}"
        ) from error


def _about_faults(run: StoredRun) -> list[str]:
    names = [name for name in (ABOUT, *NEEDED, *MAY_HOLD) if (run.folder / name).is_file()]
    members = {name: (run.folder / name).read_bytes() for name in names}
    about = check_about(members, str(run.folder))
    spec = run.result.spec
    truth = {
        "run_id": spec.run_id,
        "detector": spec.model.label,
        "seed": spec.seed,
        "trained_on": spec.model.trained_on,
        "tested_on": spec.test.label,
        "limited": spec.limited,
        "plugin": spec.model.plugin,
        "plugin_version": spec.model.plugin_version,
    }
    return [
        f"{ABOUT} says {name} {about.get(name)!r}, the run {value!r}"
        for name, value in truth.items()
        if about.get(name) != value
    ] + ([] if about.get("licence") else [f"{ABOUT} says nothing of a licence"])
