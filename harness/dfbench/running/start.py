"""What a model starts from: published weights, a file, or random numbers; and whether they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfbench.catalogue.cards import PLANNED, DetectorCard
from dfbench.catalogue.names import Option
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.augment import POLICIES
from dfbench.detector.aggregate import OWN
from dfbench.detector.tensors import read_tensors
from dfbench.detector.weights import Weights, locate
from dfbench.errors import OptionError, WeightsError
from dfbench.places import weights_folder
from dfbench.results.result import training_facts
from dfbench.running.device import check_usable
from dfbench.running.request import Request

if TYPE_CHECKING:
    from dfbench.detector.network import Detector


def initial_weights(
    request: Request, card: DetectorCard, cache: Path, reporter: Reporter
) -> Weights | None:
    """What the model starts from: as asked, else what the card's recipe names, if it names any."""
    name = request.weights
    if request.train is None and name in (None, "", "none"):
        names = ", ".join(w.name for w in card.weights) or "a file"
        raise WeightsError(
            f"--train none evaluates trained weights: name them with --weights ({names})"
        )
    if name is None and (name := card.recipe.weights):
        try:
            return _fetched(card, name, cache, reporter)
        except WeightsError as error:
            raise WeightsError(f"{error}. {_by_default(card)}") from error
    return None if name in ("", "none") else _fetched(card, str(name), cache, reporter)


def _by_default(card: DetectorCard) -> str:
    return f"{card.name} starts from them unless --weights names others, or none: random numbers"


def _fetched(card: DetectorCard, name: str, cache: Path, reporter: Reporter) -> Weights:
    size = next((w.size or 0 for w in card.weights if w.name == name), 0)
    shown = 0
    with reporter.task(f"weights {name}", size) as advance:

        def progress(done: int, total: int | None) -> None:
            nonlocal shown
            del total
            advance(done - shown)
            shown = done

        return locate(card, name, weights_folder(cache), progress)


@dataclass(frozen=True)
class Traits:
    """What must be known of a network before a run is planned. aggregate: the name of its way from
    clip scores to a video's; makes_fakes: whether it learns from real videos alone."""

    aggregate: str
    makes_fakes: bool


def traits_of(
    card: DetectorCard, options: Mapping[str, Option], detector: Detector | None = None
) -> Traits:
    """As the card says it; where that says nothing, as the module has it, which is built for that
    unless it is here already. Building imports torch."""
    methods = card.methods
    if methods is None:
        from dfbench.detector.network import build_detector

        network = (detector or build_detector(card, options)).network
        methods = tuple(name for name in PLANNED if hasattr(network, name))
    return Traits(OWN if "aggregate" in methods else card.aggregate, "training_clips" in methods)


def check_ready(
    device: str,
    card: DetectorCard,
    options: Mapping[str, Option],
    weights: Weights | None,
    request: Request,
) -> Detector:
    """Look at what takes seconds to look at, before there is work to do: the device, the network,
    the weights. Raises a DfbenchError."""
    check_usable(device)
    return check_network(card, options, weights, request)


def check_network(
    card: DetectorCard, options: Mapping[str, Option], weights: Weights | None, request: Request
) -> Detector:
    """Build the network once and read the weights: a wrong file is known before hours of work."""
    from dfbench.detector.network import build_detector

    detector = build_detector(card, options)
    if request.train is not None:
        _check_training(card, detector, request)
        if request.fine_tune == "none" and weights is None:
            raise OptionError(
                "--fine-tune none keeps weights as they are: name them with --weights"
            )
    if weights is not None:
        try:
            detector.load(read_tensors(weights.path), str(weights.path))
        except WeightsError as error:
            if request.weights is not None:
                raise
            raise WeightsError(f"{error}. {_by_default(card)}") from error
    return detector


def _check_training(card: DetectorCard, detector: Detector, request: Request) -> None:
    from dfbench.detector.network import stages_trained

    if request.fine_tune:
        stages_trained(request.fine_tune, len(detector.stages()))
    augment = request.augment or card.recipe.augment
    if augment == "own" and not hasattr(detector.network, "augment"):
        raise OptionError(f"--augment own: {card.name} has no augmentation of its own")
    if augment not in (*POLICIES, "own"):
        raise OptionError(f"--augment is {', '.join(POLICIES)} or own, not {augment!r}")


def trained_before(weights: Weights | None) -> str | None:
    """The dataset that weights made by an earlier run were trained on; None when unknown."""
    facts = training_facts(weights.path.parent) if weights else None
    train = facts.get("train") if facts else None
    return str(train["data"]["dataset"]) if train else None
