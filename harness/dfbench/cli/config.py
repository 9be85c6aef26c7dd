"""``dfbench.toml``: defaults for options. Command line and variables beat it, it beats cards."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dfbench.errors import OptionError

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
