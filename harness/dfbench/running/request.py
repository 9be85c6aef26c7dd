"""What was asked for, and the checks that need nothing but the asking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import Catalogue
from dfbench.clips.perturb import perturbations
from dfbench.detector.aggregate import OWN, aggregate_called
from dfbench.errors import OptionError, ResourceError
from dfbench.results.spec import OnMissing
from dfbench.running import confidence


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for; None = what the detector's card says, or what the machine offers.

    train: a dataset, or None to evaluate weights as they are. protocol: ``name@digest`` of the
    protocol that asks for the run, see ``protocol``. data_roots, split_files: folder and
    file by dataset name; the name "" holds one given without a name. perturb: ``NAME`` or
    ``NAME:value,value…``, see ``clips.perturb.perturbations``. confidence:
    ``abc[:key=value,…]``, see ``confidence``.
    """

    detector: str
    train: str | None
    tests: tuple[str, ...]
    data_roots: Mapping[str, Path] = field(default_factory=dict)
    weights: str | None = None
    fine_tune: str | None = None
    faces: str | None = None
    all_faces: bool = False
    boxes_from_original: bool = False
    lossy: bool = False
    split_files: Mapping[str, Path] = field(default_factory=dict)
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    balance: bool | None = None
    augment: str | None = None
    layer_decay: float | None = None
    seed: int = 0
    limit: int | None = None
    device: str = "auto"
    precision: str = "auto"
    workers: int | None = None
    out: Path = Path("runs")
    cache: Path | None = None
    on_missing: OnMissing = "chance"
    aggregate: str | None = None
    protocol: str = ""
    perturb: tuple[str, ...] = ()
    confidence: str | None = None
    again: bool = False


def check_names(request: Request, catalogue: Catalogue) -> None:
    """Raise UnknownNameError or NameClashError at once, before torch is imported for seconds."""
    catalogue.detector(parse_name(request.detector)[0])
    for text in filter(None, (request.train, *request.tests)):
        catalogue.dataset(parse_name(text)[0])
    if request.faces is not None:
        catalogue.faces(request.faces)
    if request.aggregate not in (None, OWN):
        aggregate_called(str(request.aggregate))
    perturbations(request.perturb)
    if request.confidence is not None:
        confidence.asked(request.confidence)


def check_writable(out: Path) -> None:
    """Raise ResourceError unless files can be made below ``out``."""
    place = out
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise ResourceError(f"--out {out}: {place} is not a folder that can be written to")


def check_settings(values: Mapping[str, object]) -> None:
    for name in ("epochs", "batch_size", "lr", "layer_decay"):
        value = values[name]
        if not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise OptionError(f"--{name.replace('_', '-')} must be above 0, not {value}")


def name_roots(
    roots: Mapping[str, Path], names: list[str], catalogue: Catalogue
) -> dict[str, Path]:
    """Data roots by dataset name, with the nameless one given to the dataset it can only mean."""
    datasets = [parse_name(name)[0] for name in names]
    on_disk = [n for n in datasets if catalogue.dataset(n)[1].generate is None]
    return _named("--data-root", "DIR", roots, datasets, on_disk or datasets)


def name_split_files(files: Mapping[str, Path], names: list[str]) -> dict[str, Path]:
    """Split files by dataset name, with the nameless one given to the dataset it can only mean."""
    datasets = [parse_name(name)[0] for name in names]
    return _named("--split-file", "FILE", files, datasets, datasets)


def _named(
    option: str, what: str, given: Mapping[str, Path], datasets: list[str], candidates: list[str]
) -> dict[str, Path]:
    named = {name: path for name, path in given.items() if name}
    if strange := sorted(set(named) - set(datasets)):
        raise OptionError(f"{option} {strange[0]}=…: no dataset of this run has that name")
    if "" in given:
        meant = {name for name in candidates if name not in named}
        if len(meant) != 1:
            raise OptionError(f"{option} {what}: say which dataset it belongs to, NAME={what}")
        named[meant.pop()] = given[""]
    return named
