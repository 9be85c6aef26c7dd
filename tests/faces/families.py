"""Originals and their fakes, as records of videos that are not there."""

from __future__ import annotations

from pathlib import Path

from dfbench.catalogue.records import VideoRecord


def many(count: int = 60) -> list[VideoRecord]:
    records = [VideoRecord(f"r{n}", Path(f"r{n}.mp4"), 0) for n in range(count)]
    records += [
        VideoRecord(f"f{n}-{m}", Path(f"f{n}-{m}.mp4"), 1, original=f"r{n}")
        for n in range(count)
        for m in range(n % 4)
    ]
    return records
