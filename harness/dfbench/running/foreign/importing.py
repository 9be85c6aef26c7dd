"""A detector that was never here: its scores, read from somebody's file, become a run like any
other, with the same metrics, open to the same comparisons, and marked as imported."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.names import Option, parse_name
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import Prediction, Split
from dfbench.catalogue.reporter import Reporter
from dfbench.data.leaks import check_across
from dfbench.data.listing import Listing, fingerprint, read_dataset
from dfbench.data.splits import check_classes, count
from dfbench.detector.aggregate import aggregate_called
from dfbench.errors import OptionError, ResourceError
from dfbench.evaluate.breakdown import write_about
from dfbench.evaluate.judgement import judge
from dfbench.files import write_json
from dfbench.places import cache_folder
from dfbench.results.predictions import rewrite
from dfbench.results.provenance import command, git_commit, utc_now, versions
from dfbench.results.result import RunResult, write_result
from dfbench.results.spec import IMPORTED, DataSpec, ModelSpec, OnMissing, RunSpec
from dfbench.results.truth import truth_of_records
from dfbench.running.foreign.check import Checked, Reading, check_scores
from dfbench.running.foreign.score_file import read_score_file
from dfbench.running.request import check_writable, name_roots, name_split_files


@dataclass(frozen=True, kw_only=True)
class Import:
    """What was asked for.

    dataset: whose test split was scored. name: what the detector is called. validation: scores of
    the val split of ``validation_dataset`` (the same dataset unless given), on which thresholds
    and calibration are chosen. trained_on: the dataset it was trained on, if it is known; a dataset
    without a split of its own is a test set as a whole unless it was trained or validated on.
    level: what one score is of, where a video has several.
    """

    file: Path
    dataset: str
    name: str
    validation: Path | None = None
    validation_dataset: str | None = None
    trained_on: str | None = None
    score_column: str | None = None
    level: Literal["frame", "clip"] = "clip"
    reading: Reading = Reading()  # noqa: RUF009 - frozen
    aggregate: str = "mean"
    on_missing: OnMissing = "chance"
    data_roots: Mapping[str, Path] = field(default_factory=dict)
    split_files: Mapping[str, Path] = field(default_factory=dict)
    out: Path = Path("runs")
    cache: Path | None = None

    @property
    def validated_on(self) -> str | None:
        return (self.validation_dataset or self.dataset) if self.validation else None


def import_scores(
    asked: Import, catalogue: Catalogue, reporter: Reporter
) -> tuple[RunResult, Path]:
    """Check the file and write a run's folder below ``out/imported``; the result, and the folder.
    The same bytes read the same way are the same run.

    Raises ResultError listing all that does not fit, OptionError for a name that is none, and
    what reading a dataset raises; nothing has been written then.
    """
    _check_name(asked.name)
    aggregate = aggregate_called(asked.aggregate)
    check_writable(asked.out)
    started = utc_now()
    listings = _listings(asked, catalogue, reporter)
    tested = listings[asked.dataset]
    check_classes(tested.records, "test", tested.card.name)
    checked = _checked(asked, asked.file, tested, "test")
    validation = _validation(asked, listings)
    for warning in [*checked.warnings, *(validation.warnings if validation else ())]:
        reporter.warn(warning)
    spec = _spec(asked, tested)
    about = {record.id: dict(record.attributes) for record in tested.of("test")}
    rows = None if validation is None else validation.rows
    result = RunResult(
        spec=spec,
        status="finished",
        counts=_counts(tested, checked.rows),
        truth=truth_of_records(tested.of("test")),
        **judge(spec, checked.rows, rows, aggregate, catalogue.metrics(), about),
        environment={"versions": versions()},
        provenance={
            "started": started,
            "ended": utc_now(),
            "command": command(),
            "git_commit": git_commit(),
            "scores": str(asked.file),
            "leak_check": [one.note for one in listings.values()],
            "data_roots": {one.card.name: str(one.root) for one in listings.values()},
        },
        notes=_notes(asked, listings, checked, validation),
    )
    folder = spec.folder(asked.out)
    try:
        write_run(result, folder, checked.rows, rows, about)
    except OSError as error:
        raise ResourceError(f"{folder} cannot be written: {error.strerror}") from error
    catalogue.notify("dfbench_run_finished", reporter.warn, result=result, folder=folder)
    return result, folder


def _check_name(name: str) -> None:
    """Raises OptionError for a name that would spoil a table; markup is text like any other."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise OptionError(
            f"--name {name[:100]!r}: say what the detector is called, in one line of at most 100 "
            "characters"
        )


def _listings(asked: Import, catalogue: Catalogue, reporter: Reporter) -> dict[str, Listing]:
    names = list(dict.fromkeys(filter(None, (asked.dataset, asked.validated_on))))
    roots = name_roots(asked.data_roots, names, catalogue)
    splits = name_split_files(asked.split_files, names)
    learned = {parse_name(text)[0] for text in (asked.trained_on, asked.validated_on) if text}
    found = {}
    for text in names:
        name = parse_name(text)[0]
        found[text] = read_dataset(
            text,
            catalogue,
            roots,
            cache_folder(asked.cache),
            trained_on=name in learned,
            split_file=splits.get(name),
            reporter=reporter,
        )
        reporter.note(found[text].note)
    return found


def _validation(asked: Import, listings: Mapping[str, Listing]) -> Checked | None:
    """The scores that thresholds are chosen on. Raises SplitError when they are of test videos."""
    if asked.validation is None or asked.validated_on is None:
        return None
    tested, validated = listings[asked.dataset], listings[asked.validated_on]
    check_classes(validated.records, "val", validated.card.name)
    names = validated.card.name, tested.card.name
    check_across(validated.of("val"), tested.of("test"), names, tested.card.overlap)
    return _checked(asked, asked.validation, validated, "val")


def _checked(asked: Import, path: Path, listing: Listing, split: Split) -> Checked:
    file = read_score_file(path, asked.score_column)
    return check_scores(file, listing.records, listing.card.name, split, asked.reading)


def _spec(asked: Import, tested: Listing) -> RunSpec:
    """All that the numbers depend on: the bytes of the files, and how they were read."""
    options: dict[str, Option] = {"scores": _digest(asked.file), "level": asked.level}
    if asked.validation is not None:
        options["validation"] = _digest(asked.validation)
        options["validated_on"] = str(asked.validated_on)
    given = {
        "trained_on": asked.trained_on,
        "score_column": asked.score_column,
        "logits": asked.reading.logits,
        "turned": asked.reading.turned,
    }
    options |= {key: value for key, value in given.items() if value}
    records = tested.of("test")
    return RunSpec(
        model=ModelSpec(
            detector=asked.name,
            plugin=IMPORTED,
            plugin_version="",
            options=options,
            weights=None,
            # Of a clip no more is known than that it is not a single frame.
            weights_sha256=None,
            clip=ClipSpec(frames=1 if asked.level == "frame" else 2),
            reader="",
            precision="",
            train=None,
        ),
        test=DataSpec(
            dataset=tested.card.name,
            options=tested.given,
            fingerprint=fingerprint(records),
            videos=len(records),
            faces="",
            faces_version="",
        ),
        on_missing=asked.on_missing,
        aggregate=asked.aggregate,
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _counts(tested: Listing, rows: list[Prediction]) -> dict[str, int]:
    """Videos by class and by what became of them: ``ok`` with at least one score."""
    status: dict[str, str] = {row.video: row.status for row in rows if row.status != "ok"}
    status |= {row.video: row.status for row in rows if row.status == "ok"}
    return {**count(tested.of("test")), **Counter(status.values())}


def _notes(
    asked: Import, listings: Mapping[str, Listing], checked: Checked, validation: Checked | None
) -> tuple[str, ...]:
    cards = {one.card.name: one.card for one in listings.values()}
    parts = [(asked.file, checked)]
    if asked.validation is not None and validation is not None:
        parts.append((asked.validation, validation))
    return (
        f"{asked.name} was not run here: its scores were imported",
        *(f"trained on {text}, says who imported it" for text in [asked.trained_on] if text),
        *(f"{file.name}: {line}" for file, part in parts for line in part.notes + part.warnings),
        *(f"{card.name}: {card.overlap}" for card in cards.values() if card.overlap),
    )


def write_run(
    result: RunResult,
    folder: Path,
    rows: list[Prediction],
    validation: list[Prediction] | None,
    about: Mapping[str, Mapping[str, str]],
) -> None:
    """Write a run that was not scored here, ``result.json`` last. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").unlink(missing_ok=True)
    write_json(folder / "spec.json", result.spec.to_json())
    rewrite(folder / "predictions.csv", rows)
    if validation is not None:
        rewrite(folder / "validation.csv", validation)
    write_about(about, folder / "videos.csv")
    write_result(result, folder)
