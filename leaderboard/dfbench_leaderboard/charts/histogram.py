"""How the scores of real and of fake videos lie, and where the threshold parts them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from dfbench_leaderboard.charts.axes import axes, round_ticks, unit_ticks
from dfbench_leaderboard.charts.svg import (
    WIDTH,
    Scale,
    add,
    chart,
    known,
    markup,
    message,
    number,
    percent,
    tip,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 20
LEFT, RIGHT, TOP, BOTTOM = 40.0, 350.0, 34.0, 274.0
TITLE = "Scores of real and fake videos"


def score_histogram(
    labels: NDArray[np.int64], scores: Floats, threshold: float | None = None
) -> str:
    """Share of each class in 20 bins of the score: fakes above the axis, filled; reals below it,
    hollow. labels [N]: 1 = fake; scores [N]: 0..1. threshold: fake is what reaches it."""
    if len(labels) == 0:
        return message("histogram", TITLE, "There are no scores to draw.")
    import numpy as np

    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    fake, real = (np.bincount(bins[labels == label], minlength=BINS) for label in (1, 0))
    threshold = known(threshold)
    root = chart("histogram", WIDTH, 330, TITLE, _says(labels, scores, threshold))
    ticks = round_ticks(0, max(_shares(fake).max(), _shares(real).max()), 2)
    top = max(ticks)
    x, y = Scale(0, 1, LEFT, RIGHT), Scale(-top, top, BOTTOM, TOP)
    both = {sign * at: percent(at, 0) for at in ticks for sign in (1, -1)}
    axes(root, x, y, unit_ticks(), both, "score, P(fake)", "share of the class")
    _bars(root, x, y, fake, real)
    add(root, "path", class_="axis", d=f"M{number(LEFT)} {number(y(0))}H{number(RIGHT)}")
    if threshold is not None:
        _threshold(root, x(min(max(threshold, 0), 1)), threshold)
    add(root, "text", f"fake: {fake.sum()}", class_="halo strong", x=LEFT + 5, y=TOP + 14)
    add(root, "text", f"real: {real.sum()}", class_="halo strong end", x=RIGHT - 5, y=BOTTOM - 7)
    return markup(root)


def _says(labels: NDArray[np.int64], scores: Floats, threshold: float | None) -> str:
    parts = []
    for label, name in ((1, "fake"), (0, "real")):
        own = scores[labels == label]
        if len(own):
            parts.append(f"{len(own)} {name} videos, mean score {own.mean():.3f}")
        else:
            parts.append(f"no {name} videos")
        if len(own) and threshold is not None:
            parts[-1] += f", {percent((own >= threshold).mean(), 0)} called fake"
    at = "" if threshold is None else f" at the threshold {threshold:.3f}"
    return f"{'; '.join(parts)}{at}."


def _shares(counts: NDArray[np.int64]) -> Floats:
    import numpy as np

    return np.asarray(counts / max(counts.sum(), 1), np.float64)


def _bars(
    root: Element, x: Scale, y: Scale, fake: NDArray[np.int64], real: NDArray[np.int64]
) -> None:
    wide = x(1 / BINS) - x(0)
    for i, shares in enumerate(zip(_shares(fake), _shares(real), strict=True)):
        if not any(shares):
            continue
        left = x(i / BINS)
        group = add(root, "g")
        add(group, "path", class_="hit", d=_box(left, TOP, wide, BOTTOM - TOP))
        for share, name in zip(shares, ("fake", "real"), strict=True):
            if share:
                high = (y(share) - y(0)) * (1 if name == "fake" else -1)
                add(group, "path", class_=name, d=_box(left + 1, y(0), wide - 2, high))
        counts = f"{fake[i]} fake ({percent(shares[0])}), {real[i]} real ({percent(shares[1])})"
        tip(group, f"score {i / BINS:.2f} to {(i + 1) / BINS:.2f}\n{counts}")


def _box(x: float, y: float, wide: float, high: float) -> str:
    return f"M{number(x)} {number(y)}v{number(high)}h{number(wide)}v{number(-high)}z"


def _threshold(root: Element, at: float, threshold: float) -> None:
    add(root, "path", class_="threshold", d=f"M{number(at)} {number(BOTTOM)}V{number(TOP - 4)}")
    side = "end" if at > (LEFT + RIGHT) / 2 else ""
    add(
        root,
        "text",
        f"threshold {threshold:.3f}",
        class_=f"halo {side}".strip(),
        x=at + (-6 if side else 6),
        y=TOP + 14,
    )
