"""Does a result follow from its scores? Every number is computed again from them, and compared."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from dfbench.catalogue.cards import MetricCard
from dfbench.evaluate.bootstrap import DRAWS
from dfbench.evaluate.breakdown import break_down, read_about
from dfbench.evaluate.decide import RULES, Chosen, choose
from dfbench.evaluate.metrics import SHARES, alike, called, evaluate, measure
from dfbench.evaluate.mistakes import NUMBER, mistakes
from dfbench.evaluate.scores import Scores, clip_scores, coverage, video_scores
from dfbench.evaluate.stored import StoredRun
from dfbench.results.result import SCHEMA, Breakdown, MetricValue, Mistake, RunResult
from dfbench.results.spec import ENSEMBLE

CLOSE = 1e-6
"""How far a number computed elsewhere, by other versions of the libraries, may be off."""
LOOSE = 0.25
"""How far the end of an interval may be off, as a share of its length: another generator draws
other videos, and of 2000 draws the ends are known to some 5 %."""
OTHER_INTERVALS = 2
"""Results of earlier schemas have percentile intervals, which are narrower."""
EXAMPLES = 3
"""Of what is wrong in one way, so many are named."""


def is_known_metric(value: MetricValue, metrics: Mapping[str, MetricCard]) -> bool:
    """Whether the metric is installed here, so that ``verify`` has looked at its value."""
    return value.name.partition("/")[2] in metrics


def number_faults(
    run: StoredRun,
    metrics: Mapping[str, MetricCard],
    only: Collection[str] | None,
    intervals: Collection[str] | None,
) -> Iterator[str]:
    """What does not follow, a line each; ``only`` and ``intervals`` as for ``verify``. Raises
    DfbenchError for scores that cannot be read."""
    result, way = run.result, run.aggregate()
    spec = result.spec
    videos = video_scores(run.rows, way, spec.on_missing, spec.clips_a_person)
    chosen = Chosen.from_json(result.chosen)
    yield from _chosen_faults(run, chosen)
    # An ensemble has a score for each video, and the coverage of its worst member.
    if spec.model.plugin != ENSEMBLE and not _same(result.coverage, coverage(run.rows)):
        yield f"coverage is {coverage(run.rows):.6g}, not {result.coverage}"
    if result.schema < OTHER_INTERVALS:
        intervals = ()
    draws = DRAWS if intervals is None else 0
    if only is None:
        values = evaluate(
            run.rows,
            metrics,
            spec.model.clip.level,
            way,
            spec.on_missing,
            chosen,
            spec.seed,
            draws,
            spec.clips_a_person,
        )
        yield from _other_faults(run, videos, metrics, chosen, draws)
    else:
        values = _measured(run, videos, only, metrics, chosen, draws)
    if intervals:
        values = (*values, *_measured(run, videos, intervals, metrics, chosen, DRAWS))
    yield from _metric_faults(result, result.metrics, values, metrics, whole=only is None)


def _measured(
    run: StoredRun,
    videos: Scores,
    asked: Collection[str],
    metrics: Mapping[str, MetricCard],
    chosen: Chosen,
    draws: int,
) -> tuple[MetricValue, ...]:
    """The metrics asked for, of all videos, and of all frames or clips."""
    seed, clips = run.result.spec.seed, _clips(run, asked)
    of_videos, of_clips = (_named(part.level, asked, metrics) for part in (videos, clips))
    if alike(clips, videos):  # one clip a video: nothing new to compute
        values = measure(videos, "all", of_videos | of_clips, chosen, seed, draws)
        return (*values, *called(clips.level, "all", values, metrics))
    brief = Chosen({rule: at for rule, at in chosen.thresholds.items() if rule == "val"})
    return (
        *measure(videos, "all", of_videos, chosen, seed, draws),
        *measure(clips, "all", of_clips, brief, seed, draws),
    )


def _clips(run: StoredRun, only: Collection[str]) -> Scores:
    """Scores of single frames or clips; none where nothing is asked of them."""
    level = run.result.spec.model.clip.level
    asked = any(key.startswith(f"{level}/") for key in only)
    return clip_scores(run.rows if asked else (), level, run.result.spec.on_missing)


def _named(
    level: str, only: Collection[str], metrics: Mapping[str, MetricCard]
) -> dict[str, MetricCard]:
    return {name: card for name, card in metrics.items() if f"{level}/{name}" in only}


def _chosen_faults(run: StoredRun, chosen: Chosen) -> Iterator[str]:
    if run.validated is None:
        return
    expected = RULES if run.result.schema == SCHEMA else ()
    ours = choose(run.validation(), tuple(dict.fromkeys((*expected, *chosen.thresholds))))
    for rule in ours.thresholds.keys() - chosen.thresholds.keys():
        yield f"the threshold {rule} is missing"
    for rule, at in chosen.thresholds.items():
        if not _same(at, ours.thresholds.get(rule)):
            yield f"the threshold {rule} is {ours.thresholds.get(rule)} on validation, not {at}"
    if not _same(chosen.temperature, ours.temperature):
        yield f"the temperature is {ours.temperature} on validation, not {chosen.temperature}"


def _metric_faults(
    result: RunResult,
    stored: Sequence[MetricValue],
    ours: Sequence[MetricValue],
    metrics: Mapping[str, MetricCard],
    *,
    whole: bool,
) -> Iterator[str]:
    here = {value.key: value for value in ours}
    wrong = [f"{key} is not in it" for key in _lost(result, stored, here)] if whole else []
    for value in stored:
        again = here.get(value.key)
        if again is None:
            if whole and is_known_metric(value, metrics):
                wrong.append(f"{value.key} is nothing that these scores give")
        elif (fault := _differs(value, again)) is not None:
            wrong.append(f"{value.key} {fault}")
    more = f" (and {len(wrong) - EXAMPLES} more)" if len(wrong) > EXAMPLES else ""
    if wrong:
        yield f"result.json does not follow from the scores: {'; '.join(wrong[:EXAMPLES])}{more}"


def _lost(
    result: RunResult, stored: Sequence[MetricValue], here: Mapping[str, MetricValue]
) -> list[str]:
    """Values of the result's metrics that were taken out of it: bad ones, perhaps. Which metrics
    there were when it was made only the result says."""
    if result.schema < SCHEMA:
        return []
    names = {value.name.partition("/")[2] for value in result.metrics}
    keys = {value.key for value in stored}
    return [
        key
        for key, value in here.items()
        if key not in keys and value.name.partition("/")[2] in names
    ]


def _differs(stored: MetricValue, again: MetricValue) -> str | None:
    """What is wrong with ``stored``; an interval is compared where there is one of ours."""
    if not _same(stored.value, again.value):
        return f"is {_shown(again.value)}, not {_shown(stored.value)}"
    if (stored.n_real, stored.n_fake) not in ((again.n_real, again.n_fake), (0, 0)):
        return (
            f"is of {again.n_real} real and {again.n_fake} fake ones, not of "
            f"{stored.n_real} and {stored.n_fake}"
        )
    if not _same(stored.threshold, again.threshold):
        return f"is at the threshold {_shown(again.threshold)}, not {_shown(stored.threshold)}"
    ends = stored.low, stored.high
    if None in ends or stored.value is None:
        return None if again.low is None else "has no interval, and these scores give one"
    low, high = float(ends[0] or 0), float(ends[1] or 0)
    share = stored.name.partition("/")[2] in SHARES
    if low > high or (share and (low < -CLOSE or high > 1 + CLOSE)):
        return f"has the interval [{low:.6g}, {high:.6g}], which is none"
    if again.low is None or again.high is None:
        return None
    far = LOOSE * max(again.high - again.low, high - low) + CLOSE
    if abs(low - again.low) > far or abs(high - again.high) > far:
        return f"has the interval [{again.low:.4f}, {again.high:.4f}], not [{low:.4f}, {high:.4f}]"
    return None


def _other_faults(
    run: StoredRun, videos: Scores, metrics: Mapping[str, MetricCard], chosen: Chosen, draws: int
) -> Iterator[str]:
    """Breakdowns and mistakes; results of schema 1 have none."""
    result = run.result
    if result.schema == SCHEMA or result.breakdowns:
        about = read_about(run.folder / "videos.csv")
        parts = break_down(run.rows, videos, about, metrics, chosen, result.spec.seed, draws)
        yield from _part_faults(result, parts, metrics, whole=bool(about))
    if result.schema == SCHEMA or result.mistakes:
        every = mistakes(videos, result.threshold, None)
        if not _are_of(every, result.mistakes):
            yield "the mistakes are not those that the scores show"


def _part_faults(
    result: RunResult, ours: Sequence[Breakdown], metrics: Mapping[str, MetricCard], *, whole: bool
) -> Iterator[str]:
    """whole: ``videos.csv`` is there; without it only the parts by method are known."""
    here = {(part.by, part.value): part for part in ours}
    stored = {(part.by, part.value): part for part in result.breakdowns}
    if result.schema == SCHEMA:
        yield from (f"the part {by}={value} is missing" for by, value in here.keys() - stored)
    for (by, value), part in stored.items():
        again = here.get((by, value))
        if again is None:
            if whole:
                yield f"{by}={value} is no part of these videos"
            continue
        if replace(part, metrics=(), coverage=0.0) != replace(again, metrics=(), coverage=0.0):
            yield f"{by}={value} has {again.videos} videos, not {part.videos}"
        if not _same(part.coverage, again.coverage):
            yield f"{by}={value} has a coverage of {again.coverage:.6g}, not {part.coverage}"
        yield from _metric_faults(result, part.metrics, again.metrics, metrics, whole=True)


def _are_of(every: Sequence[Mistake], shown: Sequence[Mistake]) -> bool:
    """Whether the mistakes shown are the first of ``every``. Of some that are equally sure the
    order of the rows chose, and a spreadsheet may have sorted them."""
    by_video = {mistake.video: mistake for mistake in every}
    return (
        len(shown) == min(len(every), NUMBER)
        and len({mistake.video for mistake in shown}) == len(shown)
        and all(map(math.isclose, (m.confidence for m in shown), (m.confidence for m in every)))
        and all(
            mistake.video in by_video
            and replace(mistake, score=0, confidence=0)
            == replace(by_video[mistake.video], score=0, confidence=0)
            and _same(mistake.score, by_video[mistake.video].score)
            for mistake in shown
        )
    )


def _same(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=CLOSE, abs_tol=CLOSE)


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
