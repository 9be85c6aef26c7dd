"""``dfbench leaderboard submit`` and ``verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

RUNS = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    envvar=["DFBENCH_RUNS", "DFBENCH_OUT"],
    help="Where a run is looked for by its id.",
)


@click.command("submit")
@click.argument("run")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.zip")
@click.option("--licence", default=None, help="Of the scores and the result.  [default: CC-BY-4.0]")
@click.option("--contact", default="", help="Who may be asked about the run.")
@RUNS
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: what the file says.")
def submit_command(
    run: str, out: Path, licence: str | None, contact: str, runs: Path, force: bool, as_json: bool
) -> None:
    """Make a file of a finished run that others can verify and rank: spec, scores, result.

    RUN is its folder, or the beginning of its id. No weights and no pictures are in it, and no
    folder of this machine is named. A run that does not verify is refused.
    """
    import json

    from dfbench.evaluate import open_run
    from dfbench_leaderboard.forms.render import plain
    from dfbench_leaderboard.submissions.submit import LICENCE, Note, submit

    about = submit(open_run(run, runs), out, Note(licence or LICENCE, contact), force=force)
    if as_json:
        click.echo(json.dumps(about, ensure_ascii=False))
        return
    limited = " (limited: a quick look)" if about["limited"] else ""
    click.echo(
        plain(f"{out}: {about['detector']} on {about['tested_on']}{limited}; {about['licence']}")
    )


@click.command("verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE.zip|RUN...")
@RUNS
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def verify_command(ctx: click.Context, files: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """Compute every number of submissions or runs again, intervals included.

    Exits with 1 when one does not hold, saying why.
    """
    import json

    from dfbench_leaderboard.forms.render import plain
    from dfbench_leaderboard.rows.collect import LONGEST

    found = [{"file": file, **_verified(file, runs)} for file in files]
    if as_json:
        click.echo(json.dumps({"files": found}, ensure_ascii=False))
    for one in [] if as_json else found:
        faults = one["faults"]
        for line in faults:
            click.echo(plain(f"rejected: {one['file']}: {' '.join(line.split())[:LONGEST]}"))
        if not faults:
            click.echo(plain(f"verified: {one['file']}: {one['what']}"))
    if any(one["faults"] for one in found):
        ctx.exit(1)


def _verified(file: str, runs: Path) -> dict[str, Any]:
    import tempfile

    from dfbench import DfbenchError, load_result
    from dfbench.evaluate import open_run
    from dfbench_leaderboard.rows.faults import submission_faults
    from dfbench_leaderboard.rows.submitted import unpack

    with tempfile.TemporaryDirectory() as folder:
        try:
            path = Path(file)
            if path.exists() and not path.is_dir() and path.name != "result.json":
                place = unpack(path, Path(folder))
            elif (path / "result.json").is_file():
                place = path
            else:
                place = open_run(file, runs).folder
            faults, what = submission_faults(place), _what(load_result(place))
        except DfbenchError as error:
            faults, what = [str(error)], ""
    return {"what": what, "faults": faults}


def _what(result: Any) -> str:
    spec = result.spec
    limited = ", limited" if spec.limited else ""
    auc = next((m.value for m in result.metrics if m.key == "video/auc"), None)
    shown = "no video AUC" if auc is None else f"video AUC {auc:.3f}"
    return (
        f"{spec.model.label} on {spec.test.label}, trained on {spec.model.trained_on}, "
        f"seed {spec.seed}{limited}, {shown}"
    )
