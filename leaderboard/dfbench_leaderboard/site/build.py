"""``dfbench leaderboard build``: from runs to a folder of pages."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dfbench import ResourceError, __version__, default_workers, fan_out
from dfbench.results import utc_now
from dfbench_leaderboard.rows.board import direction, tested_on
from dfbench_leaderboard.rows.collect import FEW, Collected, collect
from dfbench_leaderboard.rows.entries import entries
from dfbench_leaderboard.rows.labels import agreeing_with
from dfbench_leaderboard.rows.quoted import quoted
from dfbench_leaderboard.rows.sources import Sources
from dfbench_leaderboard.site import comparison
from dfbench_leaderboard.site.card_pages import write_card_pages
from dfbench_leaderboard.site.contents import METRICS, Contents, run_page
from dfbench_leaderboard.site.main_table import main_table
from dfbench_leaderboard.site.overviews import write_overviews
from dfbench_leaderboard.site.render import write_front
from dfbench_leaderboard.site.run_page import Pages

MARK = ".dfbench-site"
"""A file by which a folder is known as a site that may be replaced."""
WHOLE = FEW
"""Up to so many runs every value of each result is computed again and shown; beyond, those of the
main table."""
BEST, MOST_DRAWN = 10, 200
"""Of a ranking, and of all: entries whose pages have charts where there are more runs."""


@dataclass(frozen=True)
class Built:
    """runs: that are in the tables; seeds of one model count each."""

    out: str
    runs: int
    rejected: int
    left_out: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        return (
            f"{self.runs} runs, {self.rejected} rejected and {self.left_out} left out for other "
            "reasons"
        )


def build(
    sources: Sources,
    out: Path,
    *,
    title: str = "Deepfake detectors",
    metric: str = "video/auc",
    test: str | None = None,
    data_roots: Mapping[str, Path] | None = None,
) -> Built:
    """Write the site to ``out``, whole or not at all; a site that lies there is replaced.

    data_roots: of datasets whose runs are compared with the dataset itself.
    Raises UnknownNameError for a metric or dataset, ResourceError where ``out`` is something else
    or cannot be written, and what ``collect`` raises.
    """
    higher = direction(metric)
    _check(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as made:
            folder = Path(made) / "site"
            asked = _Asked(title, metric, higher, test, data_roots or {})
            built = _write(sources, folder, asked)
            _swap(folder, out, Path(made))
    except OSError as error:
        raise ResourceError(f"{out} cannot be written: {error.strerror or error}") from error
    return replace(built, out=str(out))


def _check(out: Path) -> None:
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ResourceError(f"{out} is there and no site of dfbench: choose another --out")


def _swap(folder: Path, out: Path, aside: Path) -> None:
    """Put the new site in the place of the old one: nobody sees half of either."""
    folder.chmod(0o755)
    if out.exists():
        out.rename(aside / "old")
    folder.rename(out)


@dataclass(frozen=True)
class _Asked:
    title: str
    metric: str
    higher_is_better: bool
    test: str | None
    data_roots: Mapping[str, Path]


def _write(sources: Sources, folder: Path, asked: _Asked) -> Built:
    for part in ("runs", "detectors", "datasets"):
        (folder / part).mkdir(parents=True)
    generated = f"{utc_now()[:16].replace('T', ' ')}Z"
    common = {
        "site_title": asked.title,
        "generated": generated,
        "version": __version__,
        "ranked_by": METRICS.get(asked.metric, asked.metric),
    }
    pages = Pages(folder, common)
    found = collect(sources, asked.metric, METRICS, pages, WHOLE)
    found.rows = agreeing_with(asked.data_roots, found.rows, found.left_out)
    if asked.test is not None:
        found.rows = tested_on(asked.test, found)
    _mend_pages(found, pages)
    contents = Contents(
        asked.metric,
        asked.higher_is_better,
        tuple(entries(found.rows)),
        tuple(found.left_out),
        tuple(sources.names),
    )
    whole = found.places <= WHOLE
    parts: list[Callable[[], None]] = [
        partial(
            _write_front,
            contents,
            folder,
            {**common, "counts": _counts(found), "intervals_again": whole},
        ),
        partial(_write_others, contents, pages, drawn=whole),
    ]
    side_by_side = 1 if whole else default_workers()
    for _ in fan_out(_call, parts, side_by_side):
        pass
    (folder / MARK).write_text("A site of dfbench: dfbench leaderboard build replaces it.\n")
    rejected = sum(one.rejected for one in found.left_out)
    return Built("", len(found.rows), rejected, len(found.left_out) - rejected)


def _call(part: Callable[[], None]) -> None:
    part()


def _write_front(contents: Contents, folder: Path, common: Mapping[str, Any]) -> None:
    write_front(main_table(contents, quoted()), folder, **common, pages=contents.pages)


def _write_others(contents: Contents, pages: Pages, *, drawn: bool) -> None:
    """drawn: pages of runs have their charts already."""
    if not drawn:
        _draw_best(contents, pages)
    write_card_pages(contents, pages.out, pages.common)
    write_overviews(contents, pages.out, pages.common)


def _mend_pages(found: Collected, pages: Pages) -> None:
    """Of a run that lies at two places the page of the right one; none of a run that is in no
    table."""
    for row in found.twice:
        pages.visit(comparison.stored(row), row, whole=found.places <= WHOLE)
    kept = {Path(run_page(row.spec)).name for row in found.rows}
    for file in (pages.out / "runs").iterdir():
        if file.name not in kept:
            file.unlink()


def _draw_best(contents: Contents, pages: Pages) -> None:
    """Charts for the pages of the best, where there are too many runs to draw them all."""
    best = [one.entry for ranked in contents.contests.values() for one in ranked[:BEST]]
    for entry in best[:MOST_DRAWN]:
        for row in entry.rows:
            pages.write(comparison.stored(row), row, whole=False, drawn=True)


def _counts(found: Collected) -> dict[str, int]:
    return {
        "runs": len(found.rows),
        "left_out": len(found.left_out),
        "detectors": len({row.spec.model.detector for row in found.rows}),
        "datasets": len({row.spec.test.label for row in found.rows}),
    }
