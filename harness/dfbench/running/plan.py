"""From what the user asked for to what will be done. Everything cheap that can fail fails here,
before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dfbench.catalogue.cards import DetectorCard
from dfbench.catalogue.names import Option, label, parse_name
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.perturb import perturbations
from dfbench.data.leaks import check_across
from dfbench.data.listing import Listing, read_dataset
from dfbench.data.splits import check_classes
from dfbench.detector.weights import Weights
from dfbench.faces.store import FaceStore
from dfbench.fanout import default_workers
from dfbench.files import safe_name
from dfbench.places import cache_folder, faces_folder
from dfbench.results.spec import ModelSpec, RunSpec, TrainSpec
from dfbench.running.device import check_device
from dfbench.running.request import Request, check_names, check_settings, check_writable
from dfbench.running.start import check_ready, initial_weights, trained_before, traits_of
from dfbench.running.videos import Data, data_of, read_listings, training_data


@dataclass(frozen=True)
class Test:
    """One dataset to test on, as it is or perturbed: one run, one folder."""

    data: Data
    spec: RunSpec
    folder: Path


@dataclass(frozen=True)
class Plan:
    """Names resolved, data listed, weights found."""

    request: Request
    card: DetectorCard
    options: Mapping[str, Option]
    model: ModelSpec
    weights: Weights | None
    train: Data | None
    tests: tuple[Test, ...]
    store: FaceStore
    device: str
    workers: int
    notes: tuple[str, ...]
    ready: bool


def make_plan(
    request: Request,
    catalogue: Catalogue,
    reporter: Reporter,
    read: Callable[..., Listing] = read_dataset,
) -> Plan:
    """Resolve and check a request. Raises a DfbenchError; nothing has been written then, except
    that a generated dataset and fetched weights lie in the cache.

    The network is looked at before the data where no run of the detector can be finished; else
    the plan is not ``ready``, and whoever finds work to do in it asks ``runner.check_plan``.

    read: ``read_dataset``, or one that remembers what it has read.
    """
    check_names(request, catalogue)
    name, raw = parse_name(request.detector)
    plugin, card = catalogue.detector(name)
    card, options = card.configured(raw)
    device, precision = check_device(request.device, request.precision)
    check_writable(request.out)
    check_settings({**asdict(card.recipe), **_asked(request)})
    cache = cache_folder(request.cache)
    weights = initial_weights(request, card, cache, reporter)
    given = {key: options[key] for key in raw if options[key] != card.options[key]}
    ready = not any(request.out.glob(f"*/{safe_name(label(card.name, given))}"))
    detector = check_ready(device, card, options, weights, request) if ready else None
    traits = traits_of(card, options, detector)
    workers = default_workers() if request.workers is None else request.workers
    before = trained_before(weights)
    listings = read_listings(request, before, catalogue, cache, workers, reporter, read)
    train = training_data(request, listings, catalogue, cache, traits.makes_fakes)
    settings = _settings(request, card, train, weights)
    model = ModelSpec(
        detector=card.name,
        plugin=plugin.distribution,
        plugin_version=plugin.version,
        options=options,
        given=given,
        weights=weights.name if weights else None,
        weights_sha256=weights.sha256 if weights else None,
        clip=card.clip,
        reader=_reader(),
        precision=precision,
        train=settings,
    )
    tests = tuple(
        test
        for text in request.tests
        for test in _tests(
            listings[text], model, train, request, catalogue, cache, traits.aggregate
        )
    )
    notes = _notes(model, train, tests, before, traits.makes_fakes)
    return Plan(
        request,
        card,
        options,
        model,
        weights,
        train,
        tests,
        FaceStore(faces_folder(cache), request.lossy),
        device,
        workers,
        notes,
        ready,
    )


def _asked(request: Request) -> dict[str, Any]:
    """The training settings that were given, in place of the recipe's."""
    names = ("epochs", "batch_size", "lr", "layer_decay", "balance", "augment", "fine_tune")
    return {name: getattr(request, name) for name in names if getattr(request, name) is not None}


def _settings(
    request: Request, card: DetectorCard, train: Data | None, weights: Weights | None
) -> TrainSpec | None:
    if train is None:
        return None
    asked = _asked(request)
    if weights is None:  # there is nothing to keep in a random network
        asked.setdefault("fine_tune", "all")
    values = {**asdict(card.recipe), **asked}
    del values["weights"]  # what it starts from stands in the model's spec
    return TrainSpec(data=train.spec, seed=request.seed, **values)


def _tests(
    listing: Listing,
    model: ModelSpec,
    train: Data | None,
    request: Request,
    catalogue: Catalogue,
    cache: Path,
    aggregation: str,
) -> list[Test]:
    """The test on a dataset as it is, then perturbed in each way asked for."""
    check_classes(listing.records, "test", listing.card.name)
    data = data_of(listing, listing.of("test"), request, catalogue, cache)
    if train is not None:
        names = train.listing.card.name, listing.card.name
        check_across(train.records, data.records, names, listing.card.overlap)
    spec = RunSpec(
        model=model,
        test=data.spec,
        on_missing=request.on_missing,
        seed=request.seed,
        aggregate=request.aggregate or aggregation,
        protocol=request.protocol,
    )
    variants = ["", *(perturbed.variant for perturbed in perturbations(request.perturb))]
    specs = [replace(spec, variant=variant) for variant in variants]
    return [Test(data, spec, spec.folder(request.out)) for spec in specs]


def _reader() -> str:
    from dfbench.video.reader import READER

    return READER


def _notes(
    model: ModelSpec,
    train: Data | None,
    tests: tuple[Test, ...],
    before: str | None,
    makes_fakes: bool,
) -> tuple[str, ...]:
    notes = []
    if makes_fakes and train is not None:
        notes.append(
            f"{model.label} makes its own fakes: trained and chosen on the {len(train.records)} "
            f"real videos of {train.spec.dataset}'s train and val alone"
        )
    if model.weights is None:
        notes.append(f"{model.label} starts from random weights")
    if before is not None:
        notes.append(f"the weights it starts from were trained on {before}")
    used = [*([train] if train else []), *(test.data for test in tests)]
    cards = {data.listing.card.name: data.listing.card for data in used}
    notes += [f"{card.name}: {card.overlap}" for card in cards.values() if card.overlap]
    if any(test.spec.limited for test in tests):
        notes.append(f"a quick look: at most {tests[0].spec.test.limit} videos a split")
    return tuple(notes)
