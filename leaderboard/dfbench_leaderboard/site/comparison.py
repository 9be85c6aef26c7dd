"""The charts that put the entries of one test set beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dfbench import DfbenchError, load_result, open_catalogue, perturbation
from dfbench.evaluate import StoredRun, ask, compare, make_table
from dfbench_leaderboard.charts.curves import Curve, det_chart, precision_recall_chart, roc_chart
from dfbench_leaderboard.charts.heatmap import Value, heat_map
from dfbench_leaderboard.charts.paired import paired_matrix
from dfbench_leaderboard.charts.robustness import Line, Step, robustness_chart
from dfbench_leaderboard.charts.scatter import Point, cost_quality
from dfbench_leaderboard.rows.entries import Entry
from dfbench_leaderboard.rows.rank import Ranked
from dfbench_leaderboard.rows.row import Row, but_for_the_seed
from dfbench_leaderboard.site.contents import input_kind, run_page

AUC = "video/auc"
MOST_CURVES = 8
MOST_PAIRED = 8
MOST_POINTS = 60
DRAWS = 200
"""Of the bootstrap behind a paired test whose p-value has a closed form: for its interval alone."""
Figure = tuple[str, str]
"""Caption and SVG."""


def stored(row: Row) -> StoredRun:
    return StoredRun(row.folder, load_result(row.folder))


def names(entries: Sequence[Entry]) -> list[str]:
    """What entries are called in a chart: what they are, and as much more as tells them apart."""
    found: list[str] = []
    labels = [entry.spec.model.label for entry in entries]
    for entry, label in zip(entries, labels, strict=True):
        name = label
        if labels.count(label) > 1:
            name = f"{label} ({entry.spec.model.trained_on})"
        found.append(f"{label} {entry.spec.run_id}" if name in found else name)
    return found


def curves(ranked: Sequence[Ranked]) -> Iterator[Figure]:
    """ROC, DET and precision-recall of the best, one seed of each."""
    entries = [one.entry for one in ranked[:MOST_CURVES]]
    drawn = []
    for entry, name in zip(entries, names(entries), strict=True):
        scores = stored(entry.first).scores()
        drawn.append(Curve(name, scores.labels, scores.scores, f"../{run_page(entry.spec)}"))
    more = f", the best {MOST_CURVES} of {len(ranked)}" if len(ranked) > MOST_CURVES else ""
    yield f"ROC{more}", roc_chart(drawn)
    yield f"DET{more}", det_chart(drawn)
    yield f"Precision and recall{more}", precision_recall_chart(drawn)


def costs(ranked: Sequence[Ranked]) -> Iterator[Figure]:
    """What quality costs: in parameters, and in time."""
    entries = [one.entry for one in ranked[:MOST_POINTS]]
    for caption, cost, values in (
        ("Quality against size", "parameters", [e.first.parameters for e in entries]),
        (
            "Quality against time",
            "seconds a video",
            [1 / e.videos_per_second if e.videos_per_second else None for e in entries],
        ),
    ):
        points = []
        for entry, name, value in zip(entries, names(entries), values, strict=True):
            auc = entry.value(AUC)
            if value and auc is not None and auc.value is not None:
                kind, href = input_kind(entry.spec), f"../{run_page(entry.spec)}"
                points.append(Point(name, float(value), auc.value, auc.low, auc.high, kind, href))
        if len(points) > 1:
            yield caption, cost_quality(points, cost)


def pairs(ranked: Sequence[Ranked]) -> Iterator[Figure]:
    """Every pair of the best, tested on the videos that both saw; p-values are Holm's."""
    entries = [one.entry for one in ranked[:MOST_PAIRED]]
    if len(entries) < 2:
        return
    runs = [stored(row) for entry in entries for row in entry.rows]
    try:
        table = make_table(runs)
        found = compare(table, ask(table, AUC, open_catalogue().metrics()), draws=DRAWS)
    except DfbenchError as error:  # the videos are the same by their fingerprint, not by their ids
        yield f"Not compared in pairs: {error}", ""
        return
    more = f", the best {MOST_PAIRED} of {len(ranked)}" if len(ranked) > MOST_PAIRED else ""
    yield (
        f"Difference in AUC of each pair on the same {found.videos} videos, row minus column{more}",
        paired_matrix([one.name for one in table.contenders], found.pairs),
    )


def robust(entries: Sequence[Entry], up: str = "../") -> Iterator[Figure]:
    """How the AUC falls as the test videos get worse, of entries that were tested so."""
    clean = {e.first.entry: e for e in entries if not e.spec.variant}
    worse: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.spec.variant:
            worse.setdefault(but_for_the_seed(replace(entry.spec, variant="")), []).append(entry)
    here = [(clean[key], found) for key, found in worse.items() if key in clean]
    if not here:
        return
    lines = [
        Line(name, _panels(entry, found), f"{up}{run_page(entry.spec)}")
        for (entry, found), name in zip(here, names([e for e, _ in here]), strict=True)
    ]
    yield "Under perturbations of rising severity", robustness_chart(lines)


def _panels(clean: Entry, perturbed: Sequence[Entry]) -> dict[str, list[Step]]:
    panels: dict[str, list[tuple[float, Step]]] = {}
    for entry in perturbed:
        by = perturbation(entry.spec.variant)
        if by is None:
            continue
        step = _step(entry, 0, f"{by.value:g} {by.kind.unit}".strip())
        panels.setdefault(by.name, []).append((by.kind.severity(by.value), step))
    return {
        name: [
            _step(clean, 0, "as it is"),
            *(
                replace(step, severity=i)
                for i, (_, step) in enumerate(sorted(steps, key=lambda pair: pair[0]), start=1)
            ),
        ]
        for name, steps in panels.items()
    }


def _step(entry: Entry, severity: float, note: str) -> Step:
    auc = entry.value(AUC)
    if auc is None:
        return Step(severity, None, note=note)
    return Step(severity, auc.value, auc.low, auc.high, note)


def generalisation(entries: Sequence[Entry], up: str = "") -> str:
    """Heat map of one detector: what it was trained on down, what it was tested on across."""
    trains = sorted({entry.spec.model.trained_on for entry in entries})
    tests = sorted({entry.spec.test.label for entry in entries})
    # Where two entries share a place (other epochs, say) the better known one, of more seeds.
    best: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        place = entry.spec.model.trained_on, entry.spec.test.label
        if place not in best or len(entry.rows) > len(best[place].rows):
            best[place] = entry
    return heat_map(trains, tests, {place: heat(entry, up) for place, entry in best.items()})


def heat(entry: Entry, up: str) -> Value:
    auc = entry.value(AUC)
    model, href = entry.spec.model, f"{up}{run_page(entry.spec)}"
    home = model.trained_on == entry.spec.test.label
    if auc is None or auc.value is None:
        return Value(None, note=(auc and auc.reason) or "no AUC", in_domain=home, href=href)
    seeds = f"{len(entry.rows)} seeds" if len(entry.rows) > 1 else ""
    return Value(auc.value, _sd(entry), seeds, home, href)


def _sd(entry: Entry) -> float | None:
    import statistics

    values = [v.value for row in entry.rows if (v := row.value(AUC)) and v.value is not None]
    return statistics.stdev(values) if len(values) > 1 else None
