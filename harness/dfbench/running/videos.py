"""The videos of a run: listed, checked, and how faces are found in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import REAL, VideoRecord
from dfbench.catalogue.reporter import Reporter
from dfbench.data.listing import Listing, fingerprint
from dfbench.data.splits import check_classes
from dfbench.detector.weights import locate
from dfbench.errors import DataError
from dfbench.faces.cut import FaceFinder
from dfbench.places import weights_folder
from dfbench.results.spec import DataSpec
from dfbench.running.request import Request, name_roots, name_split_files


@dataclass(frozen=True)
class Data:
    """The videos of one dataset that a run uses, and how faces are found in them."""

    listing: Listing
    records: list[VideoRecord]
    finder: FaceFinder
    spec: DataSpec


def find_faces(
    name: str | None,
    listing: Listing,
    records: list[VideoRecord],
    catalogue: Catalogue,
    cache: Path,
    all_faces: bool = False,
) -> FaceFinder:
    """The face detector called ``name``; by default the dataset's own choice, else ``given`` where
    every video ships boxes, else ``yunet``, on every machine alike."""
    boxes = all(record.boxes is not None for record in records)
    name = name or listing.card.faces or ("given" if boxes else "yunet")
    if name == "given" and not boxes:
        bare = next(record for record in records if record.boxes is None)
        raise DataError(f"--faces given: {bare.id} ships no boxes; choose another face detector")
    _, card = catalogue.faces(name)
    found = [locate(card, file.name, weights_folder(cache)).path for file in card.weights]
    place = found[0] if len(found) == 1 else found[0].parent if found else None
    return FaceFinder(card, place, all_faces)


def read_listings(
    request: Request,
    before: str | None,
    catalogue: Catalogue,
    cache: Path,
    workers: int,
    reporter: Reporter,
    read: Callable[..., Listing],
) -> dict[str, Listing]:
    """Each dataset as it is on disk, by the name the user gave. One that was trained on, now or
    before, keeps its split; another without a split of its own is test as a whole."""
    names = [*([request.train] if request.train else []), *request.tests]
    roots = name_roots(request.data_roots, names, catalogue)
    splits = name_split_files(request.split_files, names)
    trained = {before, parse_name(request.train)[0] if request.train else None}
    listings: dict[str, Listing] = {}
    for text in dict.fromkeys(names):
        listings[text] = read(
            text,
            catalogue,
            roots,
            cache,
            trained_on=parse_name(text)[0] in trained,
            at_most=request.limit,
            workers=workers,
            reporter=reporter,
            split_file=splits.get(parse_name(text)[0]),
        )
        reporter.note(listings[text].note)
    return listings


def training_data(
    request: Request,
    listings: Mapping[str, Listing],
    catalogue: Catalogue,
    cache: Path,
    makes_fakes: bool,
) -> Data | None:
    """The videos of train and val; a detector that makes its fakes itself sees the real ones."""
    if request.train is None:
        return None
    listing = listings[request.train]
    records = listing.of("train", "val")
    if makes_fakes:
        records = [record for record in records if record.label == REAL]
    for split in ("train", "val"):
        check_classes(records, split, listing.card.name, only_real=makes_fakes)
    # Which of several people in a fake was changed is not known: training looks at the main one.
    alone = replace(request, all_faces=False)
    return data_of(listing, records, alone, catalogue, cache)


def data_of(
    listing: Listing,
    records: list[VideoRecord],
    request: Request,
    catalogue: Catalogue,
    cache: Path,
) -> Data:
    finder = find_faces(request.faces, listing, records, catalogue, cache, request.all_faces)
    spec = DataSpec(
        dataset=listing.card.name,
        options=listing.given,
        fingerprint=fingerprint(records),
        videos=len(records),
        faces=finder.card.name,
        faces_version=finder.card.version,
        limit=request.limit,
        all_faces=request.all_faces,
        boxes_from_original=request.boxes_from_original,
        quality="jpeg95" if request.lossy else "lossless",
    )
    return Data(listing, records, finder, spec)
