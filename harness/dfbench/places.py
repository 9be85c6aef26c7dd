"""Where dfbench keeps things on this machine: the cache and the user's configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

from dfbench.errors import DfbenchError, ResourceError
from dfbench.files import write_json


def cache_folder(given: Path | None = None) -> Path:
    """``--cache``, else ``DFBENCH_CACHE``, else the user's cache folder."""
    if given is not None:
        return given.absolute()
    if variable := os.environ.get("DFBENCH_CACHE"):
        return Path(variable).absolute()
    return Path(platformdirs.user_cache_dir("dfbench", appauthor=False))


def faces_folder(cache: Path) -> Path:
    return cache / "faces"


def weights_folder(cache: Path) -> Path:
    return cache / "weights"


def data_folder(cache: Path) -> Path:
    return cache / "datasets"


def config_folder() -> Path:
    if variable := os.environ.get("DFBENCH_CONFIG"):
        return Path(variable)
    return Path(platformdirs.user_config_dir("dfbench", appauthor=False))


def data_roots() -> dict[str, Path]:
    """The data roots kept by ``dfbench data root NAME DIR``."""
    file = config_folder() / "roots.json"
    try:
        return {name: Path(root) for name, root in json.loads(file.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DfbenchError(f"{file} cannot be read ({error}): mend or delete it") from error


def keep_data_root(name: str, root: Path) -> Path:
    """Keep a data root in the user's configuration; the file it went to."""
    file = config_folder() / "roots.json"
    kept = {key: str(value) for key, value in data_roots().items()}
    kept[name] = str(root.resolve())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, kept)
    except OSError as error:
        raise ResourceError(f"{file} cannot be written: {error.strerror}") from error
    return file
