"""A submission: a run made fit to be given away: spec, scores and result, no weights, nothing of
the machine it was made on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from dfbench import ResourceError, ResultError, __version__
from dfbench.evaluate import StoredRun
from dfbench.results import utc_now
from dfbench_leaderboard.rows import zipped
from dfbench_leaderboard.rows.faults import of_a_run, run_faults
from dfbench_leaderboard.rows.submitted import SCHEMA
from dfbench_leaderboard.rows.zipped import ABOUT, MAY_HOLD

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
    with of_a_run(run.folder):
        members = _members(run)
        about = _about(run, note, members)
        members[ABOUT] = _json(about)
    try:
        zipped.write(file, members)
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
        "created": result.provenance.get("ended") or utc_now(),
        "files": {
            name: {"sha256": zipped.digest(data), "bytes": len(data)}
            for name, data in sorted(members.items())
        },
    }


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
