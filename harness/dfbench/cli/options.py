"""Options that several commands share, each mirrored by a ``DFBENCH_*`` variable; and commands that
also take the options of the datasets they are used with."""

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


_META = "dfbench.dataset_options"


class DatasetCommand(click.Command):
    """A command with the options of all datasets beside its own: ``--compression c23`` is another
    spelling of ``ffpp:compression=c23``. Where a name is taken by the command itself (``--seed``)
    only the second spelling is left."""

    _added: list[click.Parameter] | None = None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        if self._added is None:
            taken = {name for param in own for name in param.opts}
            self._added = [option for option in _dataset_options() if option.opts[0] not in taken]
        return [*own, *self._added]


def _dataset_options() -> list[click.Option]:
    from dfbench.catalogue.cards import DatasetCard
    from dfbench.catalogue.plugins import open_catalogue

    who: dict[str, list[str]] = {}
    for name, offers in open_catalogue().cards("datasets").items():
        for card in offers.values():
            assert isinstance(card, DatasetCard)
            for key in card.options:
                if name not in who.setdefault(key, []):
                    who[key].append(name)
    return [
        click.Option(
            [f"--{key.replace('_', '-')}", key],
            metavar="VALUE",
            expose_value=False,
            callback=_keep,
            help=f"Option of {', '.join(names)}.",
        )
        for key, names in sorted(who.items())
    ]


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None:
        ctx.meta.setdefault(_META, {})[param.name] = str(value).replace(",", "+")


def with_options(*names: str | None) -> list[str | None]:
    """The datasets as ``name:key=value,…`` with the options that were given on their own, each put
    to every dataset that has it. Raises click.UsageError for one that none of them has."""
    from dfbench.catalogue.names import parse_name
    from dfbench.catalogue.plugins import open_catalogue

    given: dict[str, str] = click.get_current_context().meta.get(_META, {})
    unused = set(given)
    found: list[str | None] = []
    for text in names:
        if text is None or text == "none":
            found.append(text)
            continue
        name, already = parse_name(text)
        card = open_catalogue().dataset(name)[1]
        own = {key: value for key, value in given.items() if key in card.options}
        if twice := sorted(set(own) & set(already)):
            raise click.UsageError(f"{twice[0]} is given in {text!r} and by --{twice[0]}")
        unused -= set(own)
        pairs = ",".join(f"{key}={value}" for key, value in {**already, **own}.items())
        found.append(f"{name}:{pairs}" if pairs else name)
    if unused:
        asked = ", ".join(sorted({parse_name(n)[0] for n in names if n}))
        raise click.UsageError(f"--{sorted(unused)[0].replace('_', '-')} is no option of {asked}")
    return found
