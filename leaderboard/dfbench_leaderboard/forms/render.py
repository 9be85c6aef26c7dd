"""The board as CSV, Markdown and JSON. Names come from files that anyone may have written, so
each form is made safe in its own way."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from dfbench.results import MetricValue, ModelSpec
from dfbench_leaderboard.rows.board import SHOWN, Board
from dfbench_leaderboard.rows.rank import Contest, Ranked

_FORMULA = "=+-@＝＋－＠"  # what a spreadsheet starts to compute at, in either width


def initial(model: ModelSpec) -> str:
    """What the model started from; nothing is known of one whose scores were imported."""
    return model.weights or ("unknown" if model.made_elsewhere else "random")


def as_json(board: Board) -> str:
    """One object: ``metric``, ``higher_is_better``, ``rows``, ``left_out``."""
    return json.dumps(
        {
            "metric": board.metric,
            "higher_is_better": board.higher_is_better,
            "rows": [
                {
                    **record(board, contest, ranked),
                    "sources": [row.source for row in ranked.entry.rows],
                }
                for contest, ranked in board.rows()
            ],
            "left_out": [asdict(out) for out in board.left_out],
        },
        ensure_ascii=False,
        indent=1,
    )


def as_csv(board: Board) -> str:
    """A line a run, numbers with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns(board))
    for contest, ranked in board.rows():
        writer.writerow([csv_cell(value) for value in record(board, contest, ranked).values()])
    return text.getvalue()


def as_markdown(board: Board) -> str:
    heads = [
        "rank",
        "detector",
        "trained on",
        "tested on",
        "kind",
        "initial weights",
        "seeds",
        heading(board.metric),
        *(SHOWN[m] for m in board.others),
        "coverage",
        "parameters",
        "videos/s",
        "note",
        "run",
    ]
    lines = ["| " + " | ".join(map(_markdown, heads)) + " |", "|" + " --- |" * len(heads)]
    for contest, ranked in board.rows():
        first, *rest = cells(board, ranked)
        detector, trained_on = rest[:2]
        row = [first, detector, trained_on, tested_on(contest), contest.kind, *rest[2:]]
        note = "; ".join(filter(None, [short_note(ranked), *ranked.entry.notes]))
        lines.append("| " + " | ".join(map(_markdown, [*row, note, run_ids(ranked)])) + " |")
    left_out = [f"- {_markdown(line)}" for line in left_out_lines(board)]
    return "\n".join([*lines, "", _markdown(legend(board)), *([""] if left_out else []), *left_out])


def columns(board: Board) -> list[str]:
    """The names of what ``record`` gives."""
    metric = board.metric
    return [
        "rank",
        "tied_with_first",
        "detector",
        "kind",
        "trained_on",
        "tested_on",
        "variant",
        "initial_weights",
        "fine_tuned",
        "seeds",
        metric,
        f"{metric}_low",
        f"{metric}_high",
        *board.others,
        "decided_at",
        "coverage",
        "on_missing",
        "parameters",
        "videos_per_second",
        "limited",
        "notes",
        "runs",
        "test_videos",
        "test_fingerprint",
    ]


def record(board: Board, contest: Contest, ranked: Ranked) -> dict[str, Any]:
    """A row in full, its values as they are."""
    entry, spec, value = ranked.entry, ranked.entry.spec, ranked.value
    train = spec.model.train
    others = [found.value if (found := entry.value(metric)) else None for metric in board.others]
    own = [value.value, value.low, value.high] if value else [None] * 3
    values = [
        ranked.rank,
        ranked.tied,
        spec.model.label,
        contest.kind,
        spec.model.trained_on,
        spec.test.label,
        spec.variant,
        initial(spec.model),
        train.fine_tune if train else "none",
        seeds(ranked),
        *own,
        *others,
        rule(ranked),
        entry.coverage,
        spec.on_missing,
        entry.first.parameters,
        entry.videos_per_second,
        spec.limited,
        "; ".join(entry.notes),
        run_ids(ranked),
        contest.videos,
        contest.fingerprint,
    ]
    return dict(zip(columns(board), values, strict=True))


def cells(board: Board, ranked: Ranked) -> list[str]:
    """A row for reading, rounded: rank to videos/s, without what its contest says."""
    entry, spec = ranked.entry, ranked.entry.spec
    speed, parameters = entry.videos_per_second, entry.first.parameters
    return [
        ("–" if ranked.rank is None else str(ranked.rank)) + (" ~" if ranked.tied else ""),
        spec.model.label,
        spec.model.trained_on,
        initial(spec.model),
        seeds(ranked),
        with_interval(ranked.value),
        *(_rounded(entry.value(metric)) for metric in board.others),
        "" if entry.coverage is None else f"{entry.coverage:.1%}",
        "" if parameters is None else _short(parameters),
        "" if speed is None else f"{speed:.3g}",
    ]


def heading(metric: str) -> str:
    return "video AUC" if metric == "video/auc" else metric


def tested_on(contest: Contest) -> str:
    return contest.test + (f"+{contest.variant}" if contest.variant else "")


def short_note(ranked: Ranked) -> str:
    """What a reader of this row must not miss, in a word or two."""
    words = ["limited"] if ranked.entry.spec.limited else []
    if rule(ranked) == "0.5":
        words.append("decides at 0.5")
    if ranked.value is not None and ranked.value.reason:
        words.append(ranked.value.reason)
    return ", ".join(words)


def rule(ranked: Ranked) -> str | None:
    """The threshold behind F1 and accuracy: ``val`` or ``0.5``."""
    value = ranked.entry.value("video/accuracy") or ranked.entry.value("video/f1")
    return value.rule if value else None


def seeds(ranked: Ranked) -> str:
    return " ".join(map(str, ranked.entry.seeds))


def run_ids(ranked: Ranked) -> str:
    return " ".join(row.spec.run_id for row in ranked.entry.rows)


def legend(board: Board) -> str:
    first = "highest" if board.higher_is_better else "lowest"
    return (
        f"Ranked by {board.metric}, {first} first, among runs on the same test videos; the "
        "other metrics are of videos, in the mean over seeds. [low, high] = 95 % interval, "
        "~ = it overlaps that of rank 1."
    )


def left_out_lines(board: Board) -> Iterator[str]:
    for out in board.left_out:
        what = "rejected" if out.rejected else "left out"
        yield plain(f"{what}: {out.source}: {' '.join(out.reason.split())}")


def plain(text: str) -> str:
    """Without control characters, which could move the cursor or turn the writing around."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def with_interval(value: MetricValue | None) -> str:
    number = _rounded(value)
    if not number or value is None or value.low is None or value.high is None:
        return number or "none"
    return f"{number} [{value.low:.3f}, {value.high:.3f}]"


def _rounded(value: MetricValue | None) -> str:
    return "" if value is None or value.value is None else f"{value.value:.3f}"


def _short(number: float) -> str:
    """27977 -> 28.0 k, 46203074 -> 46.2 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def csv_cell(value: Any) -> Any:
    """A spreadsheet takes a text that starts like a formula for one; a quote tells it not to."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip()[:1] in tuple(_FORMULA) else text


def _markdown(text: str) -> str:
    """Text that stays text; ``]`` alone makes no link, so intervals stay legible as they are."""
    escaped = html.escape(plain(text), quote=False)
    return re.sub(r"([\\`*_|~]|\](?=[(\[:]))", r"\\\1", escaped)
