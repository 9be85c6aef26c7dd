"""Files a second of ``dfbench data check``, and what that means for a dataset of 100,000 videos.

    python bench/check.py                                     # 3,000 tiny videos
    python bench/check.py --video street_1080p.mp4 --files 500
    python bench/check.py --deep --files 200

Every file is a copy of one video with its own number appended in a box that players skip, so no
two are equal. ``--one-size`` gives all the same size: the dearest case for duplicates. The files
were just written, so they come from memory: a cold disk adds its own time for two reads a file.
"""

from __future__ import annotations

import argparse
import resource
import struct
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.check import check_dataset
from dfbench.fanout import default_workers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--video", type=Path, help="copied in place of a tiny one")
    parser.add_argument("--workers", type=int, action="append", help="default: 1 and one a core")
    parser.add_argument("--one-size", action="store_true")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    print("| workers | files | files/s | 100,000 files | peak MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        fill(root, asked.video.read_bytes() if asked.video else tiny(root), asked)
        for workers in asked.workers or sorted({1, default_workers()}):
            print(row(root, workers, asked), flush=True)


def fill(root: Path, data: bytes, asked: argparse.Namespace) -> None:
    for number in range(asked.files):
        pad = struct.pack(">I", number) + bytes(0 if asked.one_size else number)
        path = root / ("fake" if number % 3 else "real") / f"{number:06d}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data + struct.pack(">I4s", 8 + len(pad), b"free") + pad)


def tiny(root: Path) -> bytes:
    path = root / "tiny.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(30):
            image = np.random.default_rng(number).integers(0, 255, (120, 160, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode())
    data = path.read_bytes()
    path.unlink()
    return data


def row(root: Path, workers: int, asked: argparse.Namespace) -> str:
    seconds = []
    for _ in range(asked.repeats):
        begin = time.perf_counter()
        report = check_dataset(
            "folder", open_catalogue(), {"folder": root}, root, deep=asked.deep, workers=workers
        )
        seconds.append(time.perf_counter() - begin)
        assert report.videos == asked.files, report
        assert not report.broken, report.findings
    rate = asked.files / min(seconds)
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return (
        f"| {workers} | {asked.files:,} | {rate:,.0f} | {100_000 / rate / 60:.1f} min | "
        f"{peak / 1024:.0f} |"
    )


if __name__ == "__main__":
    main()
