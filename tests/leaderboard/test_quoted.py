"""Numbers quoted from papers are those of the papers, and have their sources."""

from __future__ import annotations

import csv
from pathlib import Path

from dfbench.catalogue.cards import DetectorCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench_leaderboard.rows.quoted import quoted


def facts() -> list[tuple[str, str, str, str, str, str, str, str, float]]:
    return [
        (
            row.source,
            row.protocol,
            row.train,
            row.test,
            row.detector,
            row.init,
            row.level,
            metric,
            value,
        )
        for row in quoted()
        for metric, value in row.metrics.items()
    ]


def test_every_row_has_a_source_and_one_row_all_its_metrics() -> None:
    assert len(quoted()) > 30
    for row in quoted():
        assert row.citation
        assert 2018 <= row.year <= 2026
        assert row.kind in ("frame", "temporal")
        assert row.level in ("frame", "clip", "video")
    (one,) = [row for row in quoted() if row.detector == "3D ResNet101"]
    assert dict(one.metrics) == {"accuracy": 0.85, "precision": 0.86, "recall": 0.98, "f1": 0.92}


def test_metrics_are_called_as_ours_are() -> None:
    names = {name for row in quoted() for name in row.metrics}
    assert names <= set(open_catalogue().metrics())


def test_they_are_those_of_the_reference(shared: Path) -> None:
    with (shared / "reference" / "published.csv").open() as file:
        rows = list(csv.DictReader(file))
    theirs = [
        (
            r["source"],
            r["protocol"],
            r["train"],
            r["test"],
            r["detector"],
            "" if r["init"] == "-" else r["init"],
            r["level"],
            r["metric"].replace("logloss", "log_loss"),
            float(r["value"]),
        )
        for r in rows
    ]
    assert sorted(facts()) == sorted(theirs)


def test_cards_and_file_agree() -> None:
    known = {
        (row.source, row.train, row.test, row.level, metric, value)
        for row in quoted()
        for metric, value in row.metrics.items()
    }
    for offers in open_catalogue().cards("detectors").values():
        for card in offers.values():
            assert isinstance(card, DetectorCard)
            for one in card.published:
                quote = one.source, one.train, one.test, one.level, one.metric, one.value
                assert quote in known, (card.name, quote)
