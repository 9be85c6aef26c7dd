"""The table of the main page, from ranked entries and numbers quoted from papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from dfbench import open_catalogue
from dfbench_leaderboard.forms import render
from dfbench_leaderboard.rows.entries import Entry
from dfbench_leaderboard.rows.quoted import QuotedRow
from dfbench_leaderboard.rows.rank import Contest, Ranked
from dfbench_leaderboard.site.contents import METRICS, Contents, input_kind, run_page
from dfbench_leaderboard.site.table import Cell, Column, Line, Section, Table

QUOTED = "quoted from a paper"
HIDDEN = ("video/average_precision", "video/precision", "video/recall", "clip/auc")
FACTS = (
    Column("detector", "Detector", "with its options"),
    Column("input", "Input", "what it looks at: single frames, clips, or a video over time"),
    Column("year", "Year", "of the paper", "number", digits=0),
    Column("train", "Trained on", "the data that the model was fine-tuned on"),
    Column("weights", "Starts from", "initial weights", shown=False),
)
COSTS = (
    Column(
        "coverage", "Coverage", "share of test videos with a score; others count as 0.5", "share"
    ),
    Column("parameters", "Parameters", "of the network", "size"),
    Column("speed", "Videos/s", "while scoring, on the hardware of the run", "number", digits=1),
    Column(
        "training",
        "Training, min",
        "time of training on the hardware of the run",
        "number",
        digits=1,
    ),
    Column("seeds", "Seeds", "runs that are averaged in the row"),
    Column("plugin", "Plugin", "that brought the detector, and its version", shown=False),
    Column("protocol", "Protocol", "that asked for the run", shown=False),
    Column("source", "Source", "of a number quoted from a paper", shown=False),
)


def main_table(contents: Contents, quoted: Sequence[QuotedRow]) -> Table:
    """Sections of what may be compared, then sections of quoted numbers, which have no ranks."""
    columns = [*FACTS, *_metrics(contents), *COSTS]
    sections, lines = [], []
    for contest, ranked in contents.contests.items():
        sections.append(_section(contest))
        lines += [_line(len(sections) - 1, one, columns) for one in ranked]
    for section, quotes in _quoted_sections(quoted):
        sections.append(section)
        lines += [_quoted_line(len(sections) - 1, one, columns) for one in quotes]
    return Table(contents.metric, columns, sections, lines)


def _metrics(contents: Contents) -> Iterator[Column]:
    cards = open_catalogue().metrics()
    names = METRICS if contents.metric in METRICS else {contents.metric: contents.metric, **METRICS}
    for key, label in names.items():
        name = key.partition("[")[0].partition("@")[0].partition("/")[2]
        yield Column(
            key,
            label,
            cards[name].summary,
            "metric",
            cards[name].higher_is_better,
            key not in HIDDEN,
        )


def _section(contest: Contest) -> Section:
    notes = [contest.variant, "videos without a score are left out"]
    said = "; ".join(filter(None, notes[: 1 if contest.on_missing == "chance" else 2]))
    return Section(contest.test, contest.kind, contest.videos, said, True)


def _line(section: int, ranked: Ranked, columns: Sequence[Column]) -> Line:
    entry = ranked.entry
    facts = entry_facts(entry)
    cells = tuple(
        _metric_cell(entry, column.key) if column.kind == "metric" else facts[column.key]
        for column in columns
    )
    marks = tuple(filter(None, render.short_note(ranked).split(", ")))
    return Line(section, run_page(entry.spec), ranked.rank, ranked.tied, marks, cells)


def entry_facts(entry: Entry) -> dict[str, Cell]:
    """The cells that are no metrics, by the key of their column."""
    spec, model, row = entry.spec, entry.spec.model, entry.first
    minutes = None if entry.train_seconds is None else entry.train_seconds / 60
    return {
        "detector": model.label,
        "input": input_kind(spec),
        "year": _year(model.detector),
        "train": model.trained_on,
        "weights": render.initial(model),
        "coverage": entry.coverage,
        "parameters": row.parameters,
        "speed": entry.videos_per_second,
        "training": minutes,
        "seeds": ", ".join(map(str, entry.seeds)),
        "protocol": spec.protocol,
        "source": "",
        "plugin": " ".join(filter(None, (model.plugin, model.plugin_version))),
    }


@cache
def _year(detector: str) -> int | None:
    """Of the card, where the detector is installed here."""
    offers = open_catalogue().cards("detectors").get(detector, {})
    return next((card.year for card in offers.values()), None)


def _metric_cell(entry: Entry, key: str) -> Cell:
    value = entry.value(key)
    if value is None or value.value is None:
        return None
    return value.value, value.low, value.high


def _quoted_sections(quoted: Sequence[QuotedRow]) -> Iterator[tuple[Section, list[QuotedRow]]]:
    """Numbers on one test set stand together; they are of many training sets and conditions."""
    for test in sorted({quote.test for quote in quoted}):
        note = "as published; conditions differ, so they are not ranked"
        yield Section(test, QUOTED, None, note, False), [q for q in quoted if q.test == test]


def _quoted_line(section: int, quote: QuotedRow, columns: Sequence[Column]) -> Line:
    facts: dict[str, Cell] = {
        "detector": quote.detector,
        "input": quote.kind,
        "year": quote.year,
        "train": quote.train,
        "weights": quote.init,
        "protocol": quote.protocol,
        "source": quote.citation,
    }
    measured: dict[str, Cell] = {
        f"{quote.level}/{name}": (value, None, None) for name, value in quote.metrics.items()
    }
    cells = tuple((facts | measured).get(column.key) for column in columns)
    return Line(section, "", None, False, (quote.source,), cells)
