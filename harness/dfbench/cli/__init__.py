"""The command line: the group of all commands, and their defaults from ``dfbench.toml``. Nothing
heavy is imported before a command runs."""

from __future__ import annotations

import difflib
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dfbench import __version__
from dfbench.errors import DfbenchError, OptionError


class Commands(click.Group):
    """Turns a ``DfbenchError`` into one line and exit 1; anything else keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DfbenchError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"error: {' '.join(str(error).split())}", err=True)
            sys.exit(1)
        except ImportError as error:
            if "cv2" not in str(error.name) and "libGL" not in str(error):
                raise
            mend = "pip install --force-reinstall --no-deps opencv-python-headless"
            click.echo(f"error: OpenCV cannot be loaded ({error}); try: {mend}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("stopped; the same command goes on from here", err=True)
            sys.exit(130)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``--debug`` may stand anywhere: it is wanted after a command has failed."""
        if "--debug" in args:
            args = ["--debug", *(arg for arg in args if arg != "--debug")]
        return super().parse_args(ctx, args)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Refuse a second command of a name: a plugin must not shadow another's."""
        if (name or cmd.name) in self.commands:
            raise ValueError(f"the command {name or cmd.name!r} exists already")
        super().add_command(cmd, name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dfbench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Defaults for options, as TOML.  [default: dfbench.toml where there is one]",
)
@click.pass_context
def cli(ctx: click.Context, debug: bool, config: Path | None) -> None:
    """Numbers about deepfake-video detectors that can be trusted.

    dfbench run --detector meso4 --dataset sample   is a good start.
    """
    del debug  # read by Commands.invoke
    ctx.default_map = read_defaults(config, cli)


def _add_commands() -> None:
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.cli import (
        browse,
        cache,
        compare,
        data,
        doctor,
        matrix,
        prepare,
        runs,
        score,
        weights,
    )

    for module in (runs, matrix, score, compare, browse, prepare, data, weights, cache, doctor):
        for command in module.COMMANDS:
            cli.add_command(command)
    known = open_catalogue()
    for impl in known.manager.hook.dfbench_commands.get_hookimpls():
        try:
            impl.function(cli)
        except Exception as error:  # noqa: BLE001 - one plugin must not stop the program
            known.plugins[impl.plugin_name].broken = f"{type(error).__name__}: {error}"


def main() -> None:
    """Entry point of ``dfbench``."""
    _add_commands()
    cli(prog_name="dfbench")


NAME = Path("dfbench.toml")


def read_defaults(path: Path | None, root: click.Group) -> dict[str, Any]:
    """Click's ``default_map`` from ``path``, or from ``dfbench.toml`` where there is one.

    Keys at the top hold for all commands, ``[run]`` for one, ``[weights.fetch]`` for one within a
    group. Raises OptionError for a file that is no TOML and for a key that no command has: a
    setting that nobody reads must not pass for one that was heeded.
    """
    if path is None and not NAME.is_file():
        return {}
    file = path or NAME
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(f"{file} cannot be read: {error}") from error
    return _defaults(root, {}, table, file, "")


def _defaults(
    command: click.Command,
    shared: Mapping[str, Any],
    table: Mapping[str, Any],
    file: Path,
    where: str,
) -> dict[str, Any]:
    table = {key.replace("_", "-"): value for key, value in table.items()}
    options = _options(command)
    within = command.commands if isinstance(command, click.Group) else {}
    for key, value in table.items():
        if key not in (within if isinstance(value, dict) else options):
            raise OptionError(_unknown(file, where, key, value, [*options, *within]))
    shared = {**shared, **{k: v for k, v in table.items() if not isinstance(v, dict)}}
    own = {option.name for option in command.params}
    found: dict[str, Any] = {
        str(options[k].name): _value(options[k], v)
        for k, v in shared.items()
        if k in options and options[k].name in own
    }
    for name, sub in within.items():
        own_table = table.get(name)  # `cache = "…"` is the option, `[cache]` the group's table
        inner = own_table if isinstance(own_table, dict) else {}
        found[name] = _defaults(sub, shared, inner, file, f"{where}{name}.")
    return found


def _value(option: click.Option, value: Any) -> Any:
    """What may be given several times may stand in the file once."""
    return [value] if option.multiple and isinstance(value, str) else value


def _options(command: click.Command) -> dict[str, click.Option]:
    """Options by the name they have in the file: a command's own, and those of all commands of a
    group together with the group's."""
    within = command.commands.values() if isinstance(command, click.Group) else ()
    below = {name: option for sub in within for name, option in _options(sub).items()}
    return below | {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }


def _unknown(file: Path, where: str, key: str, value: object, known: list[str]) -> str:
    name = f"[{where}{key}]" if isinstance(value, dict) else key
    place = f" in [{where.rstrip('.')}]" if where else ""
    near = difflib.get_close_matches(key, known, n=1)
    hint = f": did you mean {near[0]}?" if near else ""
    return f"{file}{place}: no command or option is called {name}{hint}"
