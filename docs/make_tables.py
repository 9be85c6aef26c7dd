"""Makes the table of docs/detectors.md from the cards: ``python docs/make_tables.py``."""

from __future__ import annotations

from pathlib import Path

import torch

from dfbench.catalogue.cards import DetectorCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import build_detector, count_parameters

PAGE = Path(__file__).parent / "detectors.md"


def parameters(card: DetectorCard) -> int:
    """Counted on a network without numbers, so the largest costs nothing."""
    with torch.device("meta"):
        return count_parameters(build_detector(card, card.options))


def row(card: DetectorCard) -> str:
    cells = [
        f"`{card.name}`",
        f"{card.clip.length}, {card.clip.size} px",
        f"{parameters(card):,}",
        card.recipe.weights or "random",
        f"{card.summary}. {card.paper.split(';')[0]}",
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    cards = [
        next(iter(offers.values()))
        for _, offers in sorted(open_catalogue().cards("detectors").items())
    ]
    cards = [card for card in cards if isinstance(card, DetectorCard)]
    cards.sort(key=lambda card: card.clip.frames > 1)
    head = "| detector | sees | parameters | starts from | what it is, and its paper |"
    return "\n".join([head, "|---|---|---:|---|---|", *(row(card) for card in cards)])


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition("<!-- table -->\n")
    _, end, after = rest.partition("<!-- end -->")
    PAGE.write_text(f"{before}<!-- table -->\n\n{table()}\n\n{end}{after}", "utf-8")
