"""Public names that are imported when they are first used: ``import dfbench`` costs nothing.

The names of a package stand once, in its ``__init__.pyi``, as ``from module import name as name``.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_NAME = re.compile(r"^from (\S+) import (\w+) as \2$", re.MULTILINE)


@cache
def homes(package: str) -> dict[str, str]:
    """The public names of a package, and the module that each is defined in."""
    stub = Path(str(importlib.import_module(package).__file__)).with_suffix(".pyi")
    return {name: module for module, name in _NAME.findall(stub.read_text("utf-8"))}


def public(package: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package that has a stub beside it."""
    home = homes(package)

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return sorted(home), get, lambda: sorted({*home, *vars(sys.modules[package])})
