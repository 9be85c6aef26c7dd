"""What a user types: ``NAME:key=value,key=value``."""

from __future__ import annotations

from collections.abc import Mapping

from dfbench.errors import OptionError

Option = str | int | float | bool
"""A value of a detector's or dataset's own option; its default decides which of these it is."""


def parse_name(text: str) -> tuple[str, dict[str, str]]:
    """Split ``name:key=value,key=value`` into the name and its raw options. Raises OptionError for
    an option without its ``=`` or its name."""
    name, _, tail = text.partition(":")
    options: dict[str, str] = {}
    for pair in filter(None, tail.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise OptionError(f"{text!r}: options are written {name}:key=value,key=value")
        options[key.strip()] = value.strip()
    return name, options


def fill_options(
    name: str, defaults: Mapping[str, Option], given: Mapping[str, str]
) -> dict[str, Option]:
    """Defaults with the given texts put in, each read as its default's type.

    Raises OptionError for an unknown option or a value of another type.
    """
    if unknown := sorted(set(given) - set(defaults)):
        known = ", ".join(f"{k}={v}" for k, v in defaults.items()) or "none"
        raise OptionError(f"{name} has no option {unknown[0]!r}; its options: {known}")
    filled = dict(defaults)
    for key, text in given.items():
        filled[key] = _read_option(name, key, text, defaults[key])
    return filled


def _read_option(name: str, key: str, text: str, default: Option) -> Option:
    kind = type(default)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise OptionError(f"{name}: option {key} is true or false, not {text!r}")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise OptionError(f"{name}: option {key} takes a {kind.__name__}, not {text!r}") from None


def label(name: str, given: Mapping[str, Option]) -> str:
    """``name`` or ``name:key=value,key=value``: what a user types to get it again."""
    options = ",".join(f"{key}={value}" for key, value in sorted(given.items()))
    return f"{name}:{options}" if options else name
