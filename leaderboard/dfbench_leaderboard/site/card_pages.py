"""A page for each detector and each test set: what its card says, and all that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dfbench import Card, DatasetCard, DetectorCard, Kind, open_catalogue
from dfbench_leaderboard.rows.entries import Entry
from dfbench_leaderboard.rows.rank import Contest, Ranked
from dfbench_leaderboard.site import comparison
from dfbench_leaderboard.site.contents import Contents, dataset_page, detector_page, run_page
from dfbench_leaderboard.site.main_table import entry_facts
from dfbench_leaderboard.site.render import environment

SHOWN = {"video/auc": "AUC", "video/f1": "F1", "video/accuracy": "accuracy", "video/eer": "EER"}
MOST_CONTESTS = 30
"""Contests of one test set that have charts of their own."""
MOST_ROWS = 500


def write_card_pages(contents: Contents, out: Path, common: Mapping[str, Any]) -> None:
    """``detectors/*.html`` and ``datasets/*.html``."""
    templates = environment()
    detectors: dict[str, list[Entry]] = {}
    for entry in contents.entries:
        detectors.setdefault(entry.spec.model.detector, []).append(entry)
    for name, entries in detectors.items():
        page = templates.get_template("detector.html").render(
            **common, **_detector(name, entries), root="../", current=""
        )
        (out / detector_page(name)).write_text(page, "utf-8")
    tests: dict[str, list[tuple[Contest, list[Ranked]]]] = {}
    for contest, ranked in contents.contests.items():
        tests.setdefault(contest.test, []).append((contest, ranked))
    for label in {entry.spec.test.label: None for entry in contents.entries}:
        entries = [entry for entry in contents.entries if entry.spec.test.label == label]
        page = templates.get_template("dataset.html").render(
            **common, **_dataset(label, entries, tests.get(label, [])), root="../", current=""
        )
        (out / dataset_page(label)).write_text(page, "utf-8")


def _detector(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    card = _card("detectors", name)
    clean = [entry for entry in entries if not entry.spec.variant]
    published = card.published if isinstance(card, DetectorCard) else ()
    charts = list(comparison.robust(entries))
    by_label: dict[str, list[Entry]] = {}
    for entry in clean:
        by_label.setdefault(entry.spec.model.label, []).append(entry)
    for label, own in by_label.items():
        if len({(e.spec.model.trained_on, e.spec.test.label) for e in own}) > 1:
            charts.insert(
                0, (f"{label}: trained on, tested on", comparison.generalisation(own, "../"))
            )
    return {
        "name": name,
        "card": card,
        "card_facts": list(_card_facts(card)),
        "charts": charts,
        "rows": _rows(clean),
        "published": published,
        "more": max(len(clean) - MOST_ROWS, 0),
    }


def _dataset(
    label: str, entries: Sequence[Entry], contests: Sequence[tuple[Contest, Sequence[Ranked]]]
) -> dict[str, Any]:
    card = _card("datasets", entries[0].spec.test.dataset)
    parts = []
    for contest, ranked in contests[:MOST_CONTESTS]:
        charts = [*comparison.curves(ranked), *comparison.costs(ranked)]
        parts.append(
            {
                "contest": contest,
                "rows": _rows([one.entry for one in ranked], ranked),
                "charts": charts,
                "wide": list(comparison.pairs(ranked)),
                "more": max(len(ranked) - MOST_ROWS, 0),
            }
        )
    return {
        "label": label,
        "card": card,
        "card_facts": list(_card_facts(card)),
        "parts": parts,
        "robust": list(comparison.robust(entries)),
        "left": max(len(contests) - MOST_CONTESTS, 0),
    }


def _rows(entries: Sequence[Entry], ranked: Sequence[Ranked] = ()) -> list[dict[str, Any]]:
    """The rows of a short table."""
    places = {id(one.entry): one for one in ranked}
    found = []
    for entry in entries[:MOST_ROWS]:
        place = places.get(id(entry))
        found.append(
            {
                "rank": place.rank if place else None,
                "tied": bool(place and place.tied),
                "href": f"../{run_page(entry.spec)}",
                "kind": entry.kind,
                "limited": entry.spec.limited,
                "test": entry.spec.test.label,
                "values": [entry.value(key) for key in SHOWN],
                "runs": [(row.spec.seed, f"../{run_page(row.spec)}") for row in entry.rows],
                **entry_facts(entry),
            }
        )
    return found


def _card(kind: Kind, name: str) -> Card | None:
    """The card, where it is installed here under that name and nobody else's."""
    offers = open_catalogue().cards(kind).get(name, {})
    return next(iter(offers.values())) if len(offers) == 1 else None


def _card_facts(card: Card | None) -> Iterator[tuple[str, str]]:
    if card is None:
        return
    yield "what it is", card.summary
    yield "paper", card.paper
    yield "year", str(card.year or "")
    yield "licence", card.licence
    if isinstance(card, DetectorCard):
        clip = card.clip
        yield "looks at", f"{clip.length} of {clip.size} px, {clip.windows} a video"
        yield "options", ", ".join(f"{name}={value}" for name, value in card.options.items())
        yield "weights", ", ".join(f"{file.name} ({file.licence})" for file in card.weights)
    if isinstance(card, DatasetCard):
        yield "how to get it", card.how_to_get
        yield "videos", ", ".join(f"{name} {number:,}" for name, number in card.counts.items())
        yield "overlap of its own splits", card.overlap
