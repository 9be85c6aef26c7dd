"""Options that several commands share. Each is mirrored by a ``DFBENCH_*`` variable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Any], Any]


def option(*names: str, **settings: Any) -> Decorator:
    """A click option with its default shown and its variable named; ``envvar`` names another one
    where a second command means something else by the same option."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "DFBENCH_" + long.removeprefix("--").replace("-", "_").upper()
    settings.setdefault("envvar", variable)
    settings.setdefault("show_default", True)
    return click.option(*names, **settings)


class DataRoot(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``[NAME=]DIR`` -> (name or "", folder)."""

    name = "[NAME=]DIR"
    envvar_list_splitter = os.pathsep  # as in PATH: folders may have spaces in their names

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Path]:
        del param, ctx
        if isinstance(value, tuple):
            return value
        name, equals, folder = str(value).partition("=")
        if equals and name and "/" not in name:
            return name, Path(folder).expanduser()
        return "", Path(str(value)).expanduser()


data_root = option(
    "--data-root",
    "data_roots",
    type=DataRoot(),
    multiple=True,
    help="Folder of a dataset; NAME= says which when there are several.",
)
split_file = option(
    "--split-file",
    "split_files",
    type=DataRoot(),
    multiple=True,
    metavar="[NAME=]FILE",
    help="Your own split, a CSV with id,split; see dfbench data split.",
)
cache = option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where face clips, weights and generated data are kept.  [default: the user's cache]",
)
workers = option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    help="Processes that decode and cut.  [default: one a core]",
)
limit = option(
    "--limit",
    type=click.IntRange(min=1),
    default=None,
    help="At most this many videos a split: a quick look, marked so in the result.",
)
faces = option(
    "--faces", default=None, help="Face detector.  [default: the dataset's, given, else yunet]"
)
all_faces = option(
    "--all-faces",
    is_flag=True,
    help="Follow everyone, not the main subject alone; a test video scores as its most fake face.",
)
boxes_from_original = option(
    "--boxes-from-original",
    is_flag=True,
    help="Find faces on originals only; fakes of the same length and size take them over.",
)
lossy = option("--lossy", is_flag=True, help="Store crops as JPEG of quality 95: half the size.")
aggregate = option(
    "--aggregate",
    metavar="WAY",
    default=None,
    help="From clip scores to a video's: mean, max, median, top-third, confident (the DFDC "
    "winner's).  [default: the detector's]",
)
runs = click.option(
    "--runs",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    envvar=["DFBENCH_RUNS", "DFBENCH_OUT"],
    show_default=True,
    help="Where runs named by their id are looked for.",
)
draws = click.option(
    "--draws",
    type=click.IntRange(min=200),
    default=2000,
    show_default=True,
    help="Bootstrap draws for intervals.",
)
perturb = option(
    "--perturb",
    multiple=True,
    metavar="NAME[:VALUE,…]",
    help="Also test under h264, jpeg, resize, blur, noise, brightness, contrast, saturation or "
    "block; NAME alone: its five standard levels. May be repeated.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


def roots(pairs: tuple[tuple[str, Path], ...], option: str = "--data-root") -> dict[str, Path]:
    """The pairs as a table. Raises click.UsageError when one name stands twice."""
    table: dict[str, Path] = {}
    for name, folder in pairs:
        if name in table:
            what = f"{option} {name}=… is given twice"
            raise click.UsageError(
                what if name else f"{option} {table[name]} and {folder}: say which is whose, NAME=…"
            )
        table[name] = folder
    return table
