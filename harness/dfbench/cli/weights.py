"""``dfbench weights``: published files of weights, fetched, added by hand, verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dfbench.cli import options
from dfbench.errors import WeightsError

if TYPE_CHECKING:
    from dfbench.catalogue.cards import WeightsFile
    from dfbench.detector.weights import Weights


@click.group("weights")
def weights_group() -> None:
    """Published weights: list, fetch, add, verify."""


@weights_group.command("list")
@options.cache
@options.as_json
def list_weights(cache: Path | None, as_json: bool) -> None:
    """Every published file that the cards name, and whether it is here."""
    from dfbench.detector.weights import recorded, stored_at
    from dfbench.places import cache_folder, weights_folder

    folder = weights_folder(cache_folder(cache))
    rows = [
        {
            "owner": owner,
            "name": w.name,
            "here": stored_at(owner, w, folder).is_file(),
            "licence": w.licence,
            "size": w.size,
            "sha256": w.sha256,
            "recorded": recorded(stored_at(owner, w, folder)),
            "from": w.url or w.page,
            "mirrors": list(w.mirrors),
        }
        for owner, w in _all()
    ]
    if as_json:
        click.echo(json.dumps({"weights": rows}, indent=1))
        return
    from dfbench.cli.terminal.display import plain_table, stdout

    cells = [
        [r["owner"], r["name"], "yes" if r["here"] else "no", r["licence"], _known_by(r), r["from"]]
        for r in rows
    ]
    stdout().print(plain_table(["owner", "name", "here", "licence", "sha256", "from"], cells))


@weights_group.command("fetch")
@click.argument("owner")
@click.argument("name")
@options.cache
def fetch_weights(owner: str, name: str, cache: Path | None) -> None:
    """Download a published file into the cache, going on where an earlier try broke off."""
    from dfbench.cli.terminal.display import Terminal
    from dfbench.detector.weights import fetch
    from dfbench.places import cache_folder, weights_folder

    weights = _find(owner, name)
    shown = 0
    with Terminal().task(f"{owner} {name}", weights.size or 0) as advance:

        def progress(done: int, total: int | None) -> None:
            nonlocal shown
            del total
            advance(done - shown)
            shown = done

        found = fetch(owner, weights, weights_folder(cache_folder(cache)), progress)
    _say(found, weights)


@weights_group.command("add")
@click.argument("owner")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@options.cache
def add_weights(owner: str, name: str, file: Path, cache: Path | None) -> None:
    """Put a file that you have into its place, for use without a network."""
    from dfbench.detector.weights import add
    from dfbench.places import cache_folder, weights_folder

    weights = _find(owner, name)
    found = add(owner, weights, file, weights_folder(cache_folder(cache)))
    _say(found, weights)


@weights_group.command("verify")
@options.cache
def verify_weights(cache: Path | None) -> None:
    """Compare every file in the cache with its sha256; exit 1 when one differs."""
    from dfbench.detector.weights import stored_at, verify
    from dfbench.places import cache_folder, weights_folder

    folder = weights_folder(cache_folder(cache))
    problems = []
    for owner, weights in _all():
        path = stored_at(owner, weights, folder)
        if not path.is_file():
            continue
        try:
            verify(owner, weights, path)
            click.echo(f"{owner} {weights.name}: right")
        except WeightsError as error:
            problems.append(str(error))
    if problems:
        raise WeightsError("; ".join(problems))


def _known_by(row: dict[str, Any]) -> str:
    """How a file is known: by what its publisher gives, else by what was seen on first use."""
    if row["sha256"]:
        return str(row["sha256"])[:12]
    return f"{row['recorded'][:12]} (first use)" if row["recorded"] else "not published"


def _say(found: Weights, weights: WeightsFile) -> None:
    whole = weights.sha256 is not None and len(weights.sha256) == 64
    note = "" if whole else " (recorded here: its publisher does not give the whole of it)"
    click.echo(f"{found.path} sha256 {found.sha256}{note}")


def _all() -> Iterator[tuple[str, WeightsFile]]:
    from dfbench.catalogue.cards import DetectorCard, FaceDetectorCard
    from dfbench.catalogue.plugins import open_catalogue

    for offers in (
        *open_catalogue().cards("detectors").values(),
        *open_catalogue().cards("faces").values(),
    ):
        for card in offers.values():
            if isinstance(card, DetectorCard | FaceDetectorCard):
                yield from ((card.name, weights) for weights in card.weights)


def _find(owner: str, name: str) -> WeightsFile:
    known = [(o, w) for o, w in _all() if o == owner]
    for _, weights in known:
        if weights.name == name:
            return weights
    names = ", ".join(w.name for _, w in known)
    owners = ", ".join(sorted({o for o, _ in _all()}))
    raise WeightsError(
        f"{owner} publishes no weights {name!r}; there are: {names}"
        if known
        else f"nothing called {owner!r} publishes weights; there are: {owners}"
    )


COMMANDS = [weights_group]
