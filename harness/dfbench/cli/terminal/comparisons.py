"""Comparisons of runs, as tables and data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite, isnan
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfbench.evaluate.agree import MEASURES, Agreement
from dfbench.evaluate.paired import Comparison, Pair, Standing

_STANDING = ("detector", "seeds", "value", "sd over seeds", "95 % interval")
_PAIR = (
    "difference of",
    "and",
    "difference",
    "95 % interval",
    "p",
    "p, Holm",
    "verdict",
    "test",
    "smallest that shows",
)


def print_comparison(found: Comparison, console: Console) -> None:
    """The contenders, the pairs, and what these videos could show."""
    for title, columns, rows in _tables(found):
        table = Table(title=Text(title, style="bold"), title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    for line in _notes(found):
        console.print(Text(line, style="dim"), soft_wrap=True)


def as_markdown(found: Sequence[Comparison]) -> str:
    parts = []
    for one in found:
        for title, columns, rows in _tables(one):
            lines = [columns, ("---",) * len(columns), *rows]
            parts += [f"**{title}**", "\n".join(f"| {' | '.join(map(_cell, r))} |" for r in lines)]
        parts += map(_cell, _notes(one))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def as_csv(found: Sequence[Comparison]) -> str:
    """A line a pair, numbers with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("one", "two", "difference", "low", "high", "error", "test", "p", "p_holm", "smallest")
    writer.writerow(["metric", "videos", "groups", *names])
    for one in found:
        for pair in one.pairs:
            values = [getattr(pair, name) for name in names]
            writer.writerow(
                [one.key, one.videos, one.groups, *("" if v is None else v for v in values)]
            )
    return text.getvalue()


def to_json(found: Comparison) -> dict[str, Any]:
    """Everything; a number that does not exist is null."""
    data = {**asdict(found), "pairs": [_pair_json(pair) for pair in found.pairs]}
    known: dict[str, Any] = _known(data)
    return known


def _pair_json(pair: Pair) -> dict[str, Any]:
    data = asdict(pair)
    tests = {pair.test: pair.p, **data.pop("others")}
    return {**data, "differ": pair.differ, "tests": tests}


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _tables(found: Comparison) -> Iterator[tuple[str, Sequence[str], list[Sequence[str]]]]:
    order = sorted(found.standings, key=lambda s: s.value, reverse=found.higher_is_better)
    of = f"{found.key} on {found.videos} videos in {found.groups} groups"
    yield of, _STANDING, [_standing(one) for one in order]
    yield "pairs", _PAIR, [_pair(pair) for pair in found.pairs]


def _standing(one: Standing) -> Sequence[str]:
    sd = "" if one.sd is None else f"{one.sd:.4f}"
    return (one.name, str(one.seeds), f"{one.value:.4f}", sd, _interval(one.low, one.high))


def _pair(pair: Pair) -> Sequence[str]:
    verdict = "differ" if pair.differ else "no answer" if isnan(pair.p_holm) else "not told apart"
    return (
        pair.one,
        pair.two,
        f"{pair.difference:+.4f}",
        _interval(pair.low, pair.high),
        _p(pair.p),
        _p(pair.p_holm),
        verdict,
        pair.test.replace("_", ", "),
        "" if isnan(pair.smallest) else f"{pair.smallest:.4f}",
    )


def _interval(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def _p(value: float) -> str:
    if isnan(value):
        return "none"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _notes(found: Comparison) -> Iterator[str]:
    name = found.key.removeprefix("video/")
    for pair in found.pairs:
        if not isnan(pair.smallest):
            yield (
                f"{pair.one} and {pair.two}: the smallest difference that these {found.videos} "
                f"videos in {found.groups} groups show in 4 of 5 trials is {pair.smallest:.3f} "
                f"{name}."
            )
    single = [one.name for one in found.standings if one.seeds == 1]
    if single:
        yield (
            f"A single seed of {', '.join(single)}: how much the training varies is not known, "
            "and the tests leave it out."
        )


# --- agreement ------------------------------------------------------------------------------


def print_agreement(names: Sequence[str], found: Sequence[Agreement], console: Console) -> None:
    """A table a part of the videos: a line a pair of runs, a column a measure."""
    for part in found:
        title = f"{part.part} videos ({part.videos})"
        table = Table(title=Text(title, style="bold"), title_justify="left", header_style="bold")
        for column in ("detector", "and", *MEASURES.values()):
            table.add_column(column)
        for one in range(len(names)):
            for two in range(one + 1, len(names)):
                cells = (part.matrices[name][one, two] for name in MEASURES)
                shown = ("none" if isnan(cell) else f"{cell:.3f}" for cell in cells)
                table.add_row(Text(names[one]), Text(names[two]), *shown)
        console.print(table)


def agreement_json(names: Sequence[str], found: Sequence[Agreement]) -> dict[str, Any]:
    return {
        "runs": list(names),
        **{
            part.part: {
                "videos": part.videos,
                **{k: _known(m.tolist()) for k, m in part.matrices.items()},
            }
            for part in found
        },
    }
