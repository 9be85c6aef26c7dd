"""The runs of a matrix under one parent run, as MLflow's own pages fold them up.

Those pages nest runs inside one experiment only, so each experiment that a matrix touches has a
parent of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dfbench import RunResult
from dfbench_mlflow import names

VARIABLE = "DFBENCH_MATRIX"
"""Set by ``dfbench matrix`` for its processes: the matrix's folder below ``<out>/matrix``."""
MATRIX = "dfbench.matrix"
PARENT = "mlflow.parentRunId"


def parent(client: Any, experiment_id: str, result: RunResult, started: int) -> str | None:
    """Id of the run that this one belongs under, made where it is not there; None outside of a
    matrix."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        return None
    if found := _parents(client, experiment_id, name):
        return found[0]
    made = client.create_run(
        experiment_id,
        start_time=started,
        run_name=names.cut(f"matrix {name}"),
        tags=_tags(name, result),
    ).info.run_id
    for key, value in _parameters(result).items():
        client.log_param(made, key, value)
    client.set_terminated(made, "FINISHED", end_time=started)
    first = _parents(client, experiment_id, name)[0]
    if first != made:  # another process was faster; all choose the same one
        client.delete_run(made)
    return first


def below(parent_id: str | None, old: Any | None) -> dict[str, str]:
    """The tag that nests a run; one that is sent again stays where it was."""
    where = parent_id or (old and old.data.tags.get(PARENT))
    return {PARENT: where} if where else {}


def end(client: Any, parent_id: str, ended: int) -> None:
    """The parent lasts as long as its last run."""
    info = client.get_run(parent_id).info
    client.set_terminated(parent_id, "FINISHED", end_time=max(ended, info.end_time or 0))


def _parents(client: Any, experiment_id: str, name: str) -> list[str]:
    """The oldest first. The name is compared here: in a filter a quote in it would end it."""
    found = client.search_runs([experiment_id], f"tags.`{MATRIX}` LIKE '%'")
    named = [run.info for run in found if run.data.tags[MATRIX] == names.cut(name)]
    return [info.run_id for info in sorted(named, key=lambda i: (i.start_time, i.run_id))]


def _tags(name: str, result: RunResult) -> Mapping[str, str]:
    spec = result.spec
    note = (
        f"The runs of the matrix {name} that were trained on {spec.model.trained_on} and tested "
        f"on {spec.test.label}{f'+{spec.variant}' if spec.variant else ''}. Its table is in the "
        f"folder matrix/{name} beside the runs."
    )
    tags = names.tags(result)
    kept = (
        "dfbench.command",
        "dfbench.git_commit",
        "mlflow.source.name",
        "mlflow.source.type",
        "mlflow.source.git.commit",
    )
    own = {MATRIX: names.cut(name), "mlflow.note.content": names.cut(note, names.LONGEST_TAG)}
    return {**{key: tags[key] for key in kept if key in tags}, **own}


def _parameters(result: RunResult) -> dict[str, str]:
    """What all runs below it have in common, under the names that they have it under."""
    wanted = ("train/dataset", "test/dataset", "variant", "protocol")
    return {name: names.parameters(result.spec)[name] for name in wanted}
