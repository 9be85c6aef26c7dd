"""Is a run what it says it is? What was run and on which videos, and whether the result follows
from the scores.

Nothing of the dataset is needed: what it says of its videos stands in the result as a digest, and
beside the scores in ``videos.csv``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from dfbench.catalogue.cards import MetricCard
from dfbench.catalogue.records import FAKE, REAL, Prediction
from dfbench.errors import DfbenchError, ResultError
from dfbench.evaluate.breakdown import read_about
from dfbench.evaluate.recompute import EXAMPLES, number_faults
from dfbench.evaluate.scores import by_video
from dfbench.evaluate.stored import StoredRun
from dfbench.results.result import RunResult
from dfbench.results.spec import ENSEMBLE, RunSpec


def verify(
    run: StoredRun,
    metrics: Mapping[str, MetricCard],
    *,
    only: Collection[str] | None = None,
    intervals: Collection[str] | None = None,
) -> list[str]:
    """What is wrong with a finished run, a line each; empty when it holds.

    only: metrics of all videos, or of all frames or clips, to compute again (``video/auc``); None
    for every number of the result. intervals: metrics, called likewise, whose intervals are
    computed again; None for all, which takes seconds. Metrics of plugins that are not installed
    are passed over: ask ``is_known_metric``. A file that cannot be read is a fault like any other.
    """
    try:
        # That its own spec gives its id a result has shown when it was read.
        faults = [*(_spec_faults(run) if only is None else ()), *_row_faults(run)]
        return faults or [*number_faults(run, metrics, only, intervals)]
    except DfbenchError as error:
        return [str(error)]


# --- what was run, and on which videos --------------------------------------------------------


def _spec_faults(run: StoredRun) -> Iterator[str]:
    file = run.folder / "spec.json"
    if not file.is_file():  # the result holds it as well
        return
    try:
        data = json.loads(file.read_text("utf-8"))
        spec = RunSpec.from_json(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"spec.json cannot be read: {error}") from error
    if spec != run.result.spec:
        yield f"spec.json is of run {spec.run_id}, result.json of {run.result.spec.run_id}"
    elif data.get("run_id") not in (None, run.result.spec.run_id):
        yield f"spec.json calls itself {data['run_id']} and is {spec.run_id}"


def _row_faults(run: StoredRun) -> Iterator[str]:
    spec, videos = run.result.spec, by_video(run.rows)
    yield from _listed(
        "a clip stands twice",
        [
            f"{clip} of {video}"
            for (video, clip), number in Counter((r.video, r.clip) for r in run.rows).items()
            if number > 1
        ],
    )
    yield from _listed(
        "the rows of one video disagree on its label, method or group",
        [
            key[1]
            for key, rows in videos.items()
            if len({(row.label, row.method, row.group) for row in rows}) > 1
        ],
    )
    yield from _listed(
        f"the video is not of {spec.test.dataset}",
        ["/".join(key) for key in videos if key[0] != spec.test.dataset],
    )
    yield from _listed(
        "a label is neither 0 nor 1",
        [key[1] for key, rows in videos.items() if rows[0].label not in (REAL, FAKE)],
    )
    yield from _count_faults(run.result, videos)
    if run.result.truth is None or run.truth != run.result.truth:
        yield from _about_faults(run, {video for _, video in videos})
    if run.result.truth not in (None, run.truth):
        yield (
            "predictions.csv does not agree with the dataset on which videos there are, their "
            "labels, methods and groups"
        )


def _about_faults(run: StoredRun, here: set[str]) -> Iterator[str]:
    """What ``videos.csv`` can say of scores that may be of other videos than the test's."""
    if about := read_about(run.folder / "videos.csv"):
        yield from _listed("the video has no scores", sorted(about.keys() - here))
        yield from _listed("the video is none of the test's", sorted(here - about.keys()))


def _listed(what: str, found: Sequence[str]) -> Iterator[str]:
    if found:
        more = ", …" * (len(found) > EXAMPLES)
        yield f"{what}: {', '.join(found[:EXAMPLES])}{more} ({len(found)} in predictions.csv)"


def _count_faults(
    result: RunResult, videos: Mapping[tuple[str, str], Sequence[Prediction]]
) -> Iterator[str]:
    labels = Counter(rows[0].label for rows in videos.values())
    if result.spec.model.plugin == ENSEMBLE and result.spec.on_missing == "exclude":
        return  # of videos that no member has scored it has no rows
    if len(videos) != result.spec.test.videos:
        yield f"predictions.csv has {len(videos)} videos, the test {result.spec.test.videos}"
    if result.counts.get("videos", len(videos)) != len(videos):
        yield f"predictions.csv has {len(videos)} videos, the result {result.counts['videos']}"
    for name, label in (("real", REAL), ("fake", FAKE)):
        told = result.counts.get(name)
        if told is not None and told != labels[label]:
            yield f"predictions.csv has {labels[label]} {name} videos, the result {told}"
