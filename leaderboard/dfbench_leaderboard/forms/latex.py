"""The board as tables for a paper, in LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dfbench.results import MetricValue
from dfbench_leaderboard.forms.render import initial, legend, plain, seeds, tested_on
from dfbench_leaderboard.rows.board import SHOWN, Board
from dfbench_leaderboard.rows.rank import Contest, Ranked

OTHERS = ("video/f1", "video/accuracy", "video/eer")
"""Metrics beside the one that rows are ranked by; a column of a paper is dear."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}


def as_latex(board: Board) -> str:
    """A ``table`` for each contest, best first, the best values in bold."""
    head = (
        "% Made by dfbench leaderboard --format latex.\n"
        "% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.\n"
    )
    tables = [_table(board, contest, ranked) for contest, ranked in board.contests.items()]
    return head + "\n".join(tables)


def _table(board: Board, contest: Contest, ranked: Sequence[Ranked]) -> str:
    others = [metric for metric in OTHERS if metric != board.metric]
    heads = [
        "Detector",
        "Trained on",
        "Starts from",
        _heading(board.metric),
        *map(_heading, others),
        "Seeds",
    ]
    best = {metric: _best(ranked, metric, board) for metric in (board.metric, *others)}
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_caption(board, contest)}}}",
        rf"\begin{{tabular}}{{lll{'r' * (len(heads) - 4)}l}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *_rows(board, ranked, others, best),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _rows(
    board: Board, ranked: Sequence[Ranked], others: Sequence[str], best: dict[str, float | None]
) -> Iterator[str]:
    for one in ranked:
        model = one.entry.spec.model
        words = [model.label, model.trained_on, initial(model)]
        tie = r" $\approx$" if one.tied else ""
        cells = [
            *(escaped(word) for word in words),
            _number(one.value, best[board.metric], interval=True) + tie,
            *(_number(one.entry.value(metric), best[metric]) for metric in others),
            seeds(one).replace(" ", ", "),
        ]
        yield " & ".join(cells) + r" \\"


def _caption(board: Board, contest: Contest) -> str:
    missing = "" if contest.on_missing == "chance" else ", those without a score left out"
    told = legend(board).replace("~ = it overlaps", "APPROX = it overlaps")
    text = f"{tested_on(contest)}: {contest.videos} test videos{missing}, {contest.kind}. {told}"
    return escaped(text).replace("APPROX", r"$\approx$")


def _heading(metric: str) -> str:
    return escaped(SHOWN.get(metric, metric))


def _best(ranked: Sequence[Ranked], metric: str, board: Board) -> float | None:
    """The best value of a contest, as it is printed."""
    from dfbench_leaderboard.rows.board import direction

    values = [one.entry.value(metric) for one in ranked]
    known = [round(v.value, 3) for v in values if v is not None and v.value is not None]
    higher = board.higher_is_better if metric == board.metric else direction(metric)
    return (max if higher else min)(known) if known else None


def _number(value: MetricValue | None, best: float | None, *, interval: bool = False) -> str:
    if value is None or value.value is None:
        return "--"
    text = f"{value.value:.3f}"
    if round(value.value, 3) == best:
        text = rf"\textbf{{{text}}}"
    if interval and value.low is not None and value.high is not None:
        text += f" ({value.low:.3f}--{value.high:.3f})"
    return text


def escaped(text: str) -> str:
    """Text that stays text: no character of it is a command, and none ends a cell or a line."""
    return "".join(_SPECIAL.get(char, char) for char in plain(text))
