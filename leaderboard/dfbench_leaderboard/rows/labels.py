"""Runs against the datasets themselves, where these are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dfbench import (
    OptionError,
    VideoRecord,
    cache_folder,
    open_catalogue,
    parse_name,
    read_dataset,
    read_predictions,
)
from dfbench.results import truth_of_records
from dfbench_leaderboard.rows.found import LeftOut
from dfbench_leaderboard.rows.row import Row

_EXAMPLES = 3


def roots_of(texts: Iterable[str]) -> dict[str, Path]:
    """``NAME=DIR`` -> folder by dataset. Raises OptionError for another form, UnknownNameError for
    a name that is no dataset's."""
    roots = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or not folder:
            raise OptionError(f"--data-root {text}: say which dataset it is of, NAME=DIR")
        open_catalogue().dataset(name)
        roots[name] = Path(folder)
    return roots


def agreeing_with(
    roots: Mapping[str, Path], rows: Sequence[Row], left_out: list[LeftOut]
) -> list[Row]:
    """Without the runs whose videos or labels are not those of the dataset's test split. Runs on
    datasets that are not at hand are kept. Raises DataError where a dataset cannot be read."""
    tests: dict[tuple[str, int | None, bool], tuple[str, list[VideoRecord]]] = {}
    kept = []
    for row in rows:
        test, train = row.spec.test, row.spec.model.train
        if test.dataset not in roots:
            kept.append(row)
            continue
        # A dataset without a split of its own is a test set as a whole unless it was trained on.
        learned = train is not None and train.data.dataset == test.dataset
        key = test.label, test.limit, learned
        if key not in tests:
            tests[key] = _test(*key, roots)
        truth, records = tests[key]
        if row.truth == truth:
            kept.append(row)
        else:
            left_out.append(LeftOut(row.source, _fault(row, records), rejected=True))
    return kept


def _test(
    label: str, limit: int | None, learned: bool, roots: Mapping[str, Path]
) -> tuple[str, list[VideoRecord]]:
    mine = {name: root for name, root in roots.items() if name == parse_name(label)[0]}
    listing = read_dataset(
        label, open_catalogue(), mine, cache_folder(None), trained_on=learned, at_most=limit
    )
    records = listing.of("test")
    return truth_of_records(records), records


def _fault(row: Row, records: Sequence[VideoRecord]) -> str:
    labels = {record.id: record.label for record in records}
    theirs = {one.video: one.label for one in read_predictions(row.folder)}
    found = {
        "not tested": labels.keys() - theirs.keys(),
        "not of its test split": theirs.keys() - labels.keys(),
        "of another label": {v for v in labels.keys() & theirs if labels[v] != theirs[v]},
    }
    said = [
        f"{len(videos)} videos are {what} ({', '.join(sorted(videos)[:_EXAMPLES])})"
        for what, videos in found.items()
        if videos
    ]
    return f"{row.spec.test.label} itself says otherwise: " + (
        "; ".join(said) or "methods or groups differ"
    )
