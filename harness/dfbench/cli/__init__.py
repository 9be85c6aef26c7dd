"""The command line. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dfbench import __version__
from dfbench.errors import DfbenchError


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
    from dfbench.cli.config import read_defaults

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
