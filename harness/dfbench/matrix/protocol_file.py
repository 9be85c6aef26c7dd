"""Reading a protocol: a TOML file, checked entry by entry; errors name the one that is wrong."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from dfbench.catalogue.cards import ProtocolCard
from dfbench.catalogue.names import Option
from dfbench.catalogue.plugins import Catalogue
from dfbench.errors import DfbenchError, OptionError, PluginError
from dfbench.evaluate.generalisation import check_metric
from dfbench.evaluate.published import Quoted
from dfbench.matrix.cells import NONE, dataset_label, detector_label
from dfbench.matrix.protocol import Entrant, Protocol
from dfbench.results.spec import digest

WEIGHTS = "official weights"
"""What ``train`` of a published number says where the authors' own weights were tested."""
SETTINGS: Mapping[str, tuple[type, ...]] = {
    "weights": (str,),
    "fine_tune": (str,),
    "faces": (str,),
    "all_faces": (bool,),
    "boxes_from_original": (bool,),
    "lossy": (bool,),
    "epochs": (int,),
    "batch_size": (int,),
    "lr": (float, int),
    "balance": (bool,),
    "augment": (str,),
    "layer_decay": (float, int),
    "precision": (str,),
    "on_missing": (str,),
    "aggregate": (str,),
    "perturb": (list,),
}
"""What a protocol may fix beside detectors, data and seeds: options of ``dfbench run``."""
_TOP: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "summary": (str,),
    "paper": (str,),
    "note": (str,),
    "train": (list,),
    "test": (list,),
    "seeds": (list,),
    "metrics": (list,),
    "settings": (dict,),
    "detectors": (list,),
    "published": (list,),
}
_DETECTOR: Mapping[str, tuple[type, ...]] = {
    "title": (str,),
    "name": (str,),
    "options": (dict,),
    "train": (list,),
    "settings": (dict,),
    "note": (str,),
}
_PUBLISHED: Mapping[str, tuple[type, ...]] = {
    "detector": (str,),
    "train": (str,),
    "test": (str,),
    "metric": (str,),
    "level": (str,),
    "value": (float, int),
    "source": (str,),
    "initial": (str,),
    "differs": (str,),
}


def load_protocol(name: str, catalogue: Catalogue) -> Protocol:
    """A file (``….toml``), or a protocol that a plugin brings. Raises OptionError saying which
    entry is wrong, UnknownNameError."""
    if name.endswith(".toml"):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"--protocol {name} cannot be read: {error}") from error
        return parse_protocol(text, name, catalogue)
    card = cast("ProtocolCard", catalogue.find("protocols", name)[1])
    found = parse_protocol(card.resolve(), card.target, catalogue)
    if found.name != card.name:
        raise PluginError(f"protocol {card.name!r}: {card.target} says its name is {found.name!r}")
    return found


def parse_protocol(text: str, where: str, catalogue: Catalogue) -> Protocol:
    """Read and check the text of a file called ``where``. Raises OptionError, UnknownNameError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{where} is no TOML: {error}") from error
    try:
        return _protocol(table, catalogue)
    except DfbenchError as error:
        raise OptionError(f"{where}: {error}") from error


def _protocol(table: Mapping[str, Any], catalogue: Catalogue) -> Protocol:
    _check(table, _TOP, "", ("name", "train", "test", "detectors"))
    if not table["name"] or set(table["name"]) & set("/:@, "):
        raise OptionError(f"name {table['name']!r} may not hold '/', ':', '@', ',' or space")
    trains, tests = (_datasets(table[key], key, catalogue) for key in ("train", "test"))
    if NONE in tests:
        raise OptionError("test: none is no dataset")
    settings = _settings(table.get("settings", {}), "settings", catalogue)
    entrants = tuple(
        _entrant(entry, f"detectors[{n}]", trains, catalogue)
        for n, entry in enumerate(_tables(table, "detectors"), 1)
    )
    titles = [entrant.title for entrant in entrants]
    if twice := [title for title in titles if titles.count(title) > 1]:
        raise OptionError(f"two detectors have the title {twice[0]!r}")
    metrics = _texts(table.get("metrics", ["video/auc"]), "metrics")
    for metric in metrics:
        check_metric(metric, catalogue.metrics())
    seeds = tuple(table.get("seeds", [0]))
    if not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise OptionError(f"seeds must be whole numbers from 0, at least one, not {list(seeds)}")
    return Protocol(
        name=table["name"],
        digest=digest(table),
        summary=table.get("summary", ""),
        paper=table.get("paper", ""),
        note=table.get("note", ""),
        entrants=entrants,
        trains=trains,
        tests=tests,
        seeds=tuple(dict.fromkeys(seeds)),
        metrics=metrics,
        settings=settings,
        quoted=tuple(
            _quoted(entry, f"published[{n}]", titles, catalogue)
            for n, entry in enumerate(_tables(table, "published"), 1)
        ),
    )


def _entrant(
    table: Mapping[str, Any], where: str, trains: tuple[str, ...], catalogue: Catalogue
) -> Entrant:
    _check(table, _DETECTOR, where, ("name",))
    options: Mapping[str, Option] = table.get("options", {})
    if strange := [k for k, v in options.items() if type(v) not in (str, int, float, bool)]:
        raise OptionError(f"{where}.options: {strange[0]} must be a text, a number, true or false")
    pairs = ",".join(f"{key}={value}" for key, value in options.items())
    detector = detector_label(f"{table['name']}:{pairs}" if pairs else table["name"], catalogue)
    if "train" in table:
        trains = _datasets(table["train"], f"{where}.train", catalogue)
    settings = _settings(table.get("settings", {}), f"{where}.settings", catalogue)
    return Entrant(
        table.get("title") or detector, detector, trains, settings, table.get("note", "")
    )


def _quoted(
    table: Mapping[str, Any], where: str, titles: list[str], catalogue: Catalogue
) -> Quoted:
    needed = ("detector", "train", "test", "metric", "level", "value", "source")
    _check(table, _PUBLISHED, where, needed)
    if table["detector"] not in titles:
        raise OptionError(
            f"{where}: no detector has the title {table['detector']!r}; there are "
            + ", ".join(titles)
        )
    check_metric(f"{table['level']}/{table['metric']}", catalogue.metrics())
    train = NONE if table["train"] == WEIGHTS else table["train"]
    names = _datasets([train, table["test"]], where, catalogue)
    return Quoted(**{**table, "train": names[0], "test": names[-1], "value": float(table["value"])})


# --- checks ---------------------------------------------------------------------------------


def _check(
    table: Mapping[str, Any],
    known: Mapping[str, tuple[type, ...]],
    where: str,
    needed: Iterable[str],
) -> None:
    """Raise OptionError for a key that is unknown, lacking, or of another type."""
    place = f"{where}: " if where else ""
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f": did you mean {near[0]}?" if near else f"; it may be {', '.join(known)}"
            raise OptionError(f"{place}unknown key {key!r}{hint}")
        if type(value) not in known[key]:
            kinds = " or ".join(_KINDS[kind] for kind in known[key])
            raise OptionError(f"{place}{key} must be {kinds}, not {value!r}")
    for key in needed:
        if key not in table:
            raise OptionError(f"{place}{key} is missing")


_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _settings(table: Mapping[str, Any], where: str, catalogue: Catalogue) -> dict[str, Any]:
    _check(table, SETTINGS, where, ())
    if "faces" in table:
        catalogue.faces(table["faces"])
    if "perturb" in table:
        return {**table, "perturb": _texts(table["perturb"], f"{where}.perturb")}
    return dict(table)


def _datasets(value: list[Any], where: str, catalogue: Catalogue) -> tuple[str, ...]:
    names = _texts(value, where)
    return tuple(dict.fromkeys(n if n == NONE else dataset_label(n, catalogue) for n in names))


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise OptionError(f"{where} must be a list of texts, at least one, not {value!r}")
    return tuple(value)


def _tables(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = table.get(key, [])
    if not all(isinstance(entry, dict) for entry in entries) or (
        key == "detectors" and not entries
    ):
        raise OptionError(f"{key} must be tables, written [[{key}]], at least one")
    return cast("list[Mapping[str, Any]]", entries)
