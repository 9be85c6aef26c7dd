"""What a matrix leaves beside its runs: ``<out>/matrix/<name>/``, written when all is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dfbench.evaluate.generalisation import Grid, Outcome, long_csv, table_csv
from dfbench.evaluate.published import Compared
from dfbench.files import safe_name, write_atomic, write_json
from dfbench.matrix.cells import Part
from dfbench.results.provenance import command, utc_now
from dfbench.results.spec import digest

MACHINE = ("device", "workers", "out", "cache", "data_roots", "split_files", "again")
"""Fields of a request that say where and how, not what."""


def folder_of(out: Path, name: str, asked: Mapping[str, Any]) -> Path:
    """Where the matrix called ``name`` is told of, or one without a name that asks for ``asked``.

    It holds neither ``spec.json`` nor ``result.json``: it is no run.
    """
    return out / "matrix" / (safe_name(name) if name else digest(asked))


def asked_of(
    parts: Sequence[Part], tests: Sequence[str], seeds: Sequence[int], metrics: Sequence[str]
) -> dict[str, Any]:
    """All that the numbers depend on, as JSON."""
    detectors = []
    for part in parts:
        asked = {
            k: v for k, v in asdict(part.asked).items() if k not in (*MACHINE, "seed", "tests")
        }
        split_files = {name: str(path) for name, path in part.asked.split_files.items()}
        detectors.append(
            {**asked, "title": part.title, "train": list(part.trains), "split_files": split_files}
        )
    return {
        "detectors": detectors,
        "tests": list(tests),
        "seeds": list(seeds),
        "metrics": list(metrics),
    }


def write_matrix(
    folder: Path,
    asked: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    tables: Mapping[str, Sequence[Grid]],
    compared: Sequence[Compared],
    note: str,
) -> None:
    """The long and the wide table, a picture for each metric, what was published, what was asked.
    Each file is written atomically."""
    from dfbench.plots.heatmap import heatmap_figure

    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "cells.csv", long_csv(outcomes, list(tables)).encode())
    grids = [grid for found in tables.values() for grid in found]
    write_atomic(folder / "table.csv", table_csv(grids).encode())
    if compared:
        write_atomic(folder / "published.csv", _published_csv(compared).encode())
    for metric, found in tables.items():
        picture = io.BytesIO()
        heatmap_figure(found, note).savefig(picture, format="png")
        write_atomic(folder / picture_name(metric), picture.getvalue())
    about = {"asked": asked, "note": note, "command": command(), "ended": utc_now()}
    write_json(folder / "matrix.json", about)


def picture_name(metric: str) -> str:
    return f"{safe_name(metric)}.png"


def _published_csv(compared: Sequence[Compared]) -> str:
    rows: list[Sequence[object]] = [
        (
            "detector",
            "train",
            "test",
            "metric",
            "published",
            "source",
            "published level",
            "here",
            "here sd",
            "seeds",
            "difference",
            "note",
        )
    ]
    for line in compared:
        known = line.published
        rows.append(
            (
                line.detector,
                line.train,
                line.test,
                line.metric,
                known and known.value,
                known and known.source,
                known and known.level,
                line.here.mean,
                line.here.sd,
                len(line.here.values),
                line.difference,
                line.note,
            )
        )
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
