"""Whether JSON holds what a dataclass has fields for: anyone may have edited the files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def check_types(kind: type[Any], values: Mapping[str, Any]) -> None:
    """Raise TypeError for a value, as read from JSON, that its field in ``kind`` cannot hold."""
    for name, fits in _fitting(kind).items():  # type: ignore[arg-type]
        if name in values and not fits(values[name]):
            raise TypeError(f"{name} is {str(values[name])[:80]!r}")


Fits = Callable[[Any], bool]


@cache
def _fitting(kind: type[Any]) -> dict[str, Fits]:
    return {name: _fits(hint) for name, hint in get_type_hints(kind).items()}


def _fits(hint: Any) -> Fits:
    """What tells whether a value is of that type; made once: thousands of results are read."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return lambda value: value in parts
    if origin in (Union, UnionType):
        ways = [_fits(part) for part in parts]
        return lambda value: any(fits(value) for fits in ways)
    if origin is tuple:
        each = _fits(parts[0])
        return lambda value: isinstance(value, list | tuple) and all(map(each, value))
    if origin is not None:  # a mapping
        every = _fits(parts[1])
        return lambda value: (
            isinstance(value, dict)
            and all(isinstance(key, str) for key in value)
            and all(map(every, value.values()))
        )
    if is_dataclass(hint):
        return lambda value: isinstance(value, dict)
    if hint is float:
        return lambda value: _whole(value) or (isinstance(value, float) and math.isfinite(value))
    if hint is int:
        return _whole
    if hint is Any:
        return lambda _: True
    return lambda value: isinstance(value, hint)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
