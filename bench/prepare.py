"""``dfbench prepare`` against what FFmpeg needs to decode the same files and nothing else.

    python bench/prepare.py                       # ten-second 1080p videos made by this script
    python bench/prepare.py --source my.mp4       # made from a video of yours instead
    python bench/prepare.py --profile             # where the time of one video goes

Makes originals with fakes of the same length, then times, pair by pair on an empty cache,

    ffmpeg -v error -threads 2 -i FILE -an -f null -        for every file, one after the other
    dfbench prepare folder --data-root DIR --workers 2      all of it, start of the program included

and prints the median ratio. ``--memory`` compares the peak memory of 10 and of 1,000 videos.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

SIZE, FPS, FRAMES = (1920, 1080), 30, 300
FAKES = 4  # of each original, about as in DFDC
Image = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="a video to make the material from")
    parser.add_argument("--faces", default="yunet")
    parser.add_argument(
        "--weights", type=Path, help="the face detector's file, where it is offline"
    )
    parser.add_argument("--originals", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument(
        "--memory",
        type=int,
        nargs="*",
        metavar="VIDEOS",
        help="peak memory for so many videos  [10 1000]",
    )
    asked = parser.parse_args()
    if not shutil.which("ffmpeg"):
        sys.exit("the floor is timed with ffmpeg: install it first")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        work = ratios if asked.memory is None else memory
        (profile if asked.profile else work)(asked, root)


def ratios(asked: argparse.Namespace, root: Path) -> None:
    data = make_dataset(root / "data", asked.originals, FRAMES, asked.source)
    files = sorted(data.rglob("*.mp4"))
    print(
        f"{len(files)} videos, {FRAMES / FPS:.0f} s, {SIZE[0]}x{SIZE[1]}, "
        f"{sum(f.stat().st_size for f in files) / len(files) / 1e6:.1f} MB each; "
        f"{asked.workers} workers, {asked.faces}, median of {asked.repeats} pairs"
    )
    print("| | seconds | ffmpeg | ratio |\n|---|---|---|---|")
    for options in ([], ["--boxes-from-original"]):
        pairs = []
        for _ in range(asked.repeats):
            floor = timed(lambda: decode(files))
            pairs.append((timed(lambda o=options: prepare(asked, data, root, o)), floor))  # type: ignore[misc]
        ratio = statistics.median(ours / floor for ours, floor in pairs)
        ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"| {' '.join(['prepare', *options])} | {ours:.1f} | {floor:.1f} | {ratio:.2f} |",
            flush=True,
        )


def decode(files: list[Path]) -> None:
    for file in files:
        command = f"ffmpeg -v error -threads 2 -i {file} -an -f null -"
        subprocess.run(command.split(), check=True, stdin=subprocess.DEVNULL)


def prepare(asked: argparse.Namespace, data: Path, root: Path, options: list[str]) -> str:
    cache = root / "cache"
    shutil.rmtree(cache / "faces", ignore_errors=True)
    program = [sys.executable, "-m", "dfbench"]
    here = ["--cache", str(cache)]
    if asked.weights and not (cache / "weights").exists():
        name = "2023mar" if asked.faces == "yunet" else asked.weights.stem
        add = ["weights", "add", asked.faces, name, str(asked.weights)]
        subprocess.run([*program, *add, *here], check=True, capture_output=True)
    how = ["--faces", asked.faces, "--workers", str(asked.workers), "--json", *options]
    command = [*program, "prepare", "folder", "--data-root", str(data / "list.csv"), *here, *how]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def timed(work: Any) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def memory(asked: argparse.Namespace, root: Path) -> None:
    """Peak of what the command and its workers have in memory together, twice a second."""
    for number in asked.memory or (10, 1000):
        data = make_dataset(root / f"data{number}", number // (1 + FAKES), 60, asked.source)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(prepare, asked, data, root, [])
            peak = 0
            while not running.done():
                peak = max(peak, sum(rss for _, rss in below(os.getpid())))
                time.sleep(0.5)
            running.result()
        print(f"{number} videos: {peak / 2**20:.0f} MB", flush=True)


def below(parent: int) -> Iterator[tuple[int, int]]:
    """(process, bytes resident) of everything started by ``parent``, directly or not; shared pages
    count in each."""
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            with suppress(OSError):
                pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
                yield child, pages * os.sysconf("SC_PAGE_SIZE")
                yield from below(child)


def profile(asked: argparse.Namespace, root: Path) -> None:
    """The functions in which making one video spends its time."""
    import cProfile
    import pstats

    from dfbench.catalogue.cards import ClipSpec
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.catalogue.records import VideoRecord
    from dfbench.detector.weights import locate
    from dfbench.faces.cut import FaceFinder, make_clips
    from dfbench.faces.store import FaceStore
    from dfbench.places import cache_folder, weights_folder

    data = make_dataset(root / "data", 1, FRAMES, asked.source)
    _, card = open_catalogue().faces(asked.faces)
    found = asked.weights
    if found is None and card.weights:
        found = locate(card, card.weights[0].name, weights_folder(cache_folder())).path
    finder, store = FaceFinder(card, found), FaceStore(root / "faces")
    record = VideoRecord("a", next(data.rglob("*.mp4")), 0)
    make_clips(record, ClipSpec(), finder)  # builds the detector
    run = cProfile.Profile()
    run.enable()
    stored, crops = make_clips(record, ClipSpec(), finder)
    store.write("0" * 64, stored, crops)
    run.disable()
    pstats.Stats(run).sort_stats("tottime").print_stats(12)


def make_dataset(root: Path, originals: int, frames: int, source: Path | None) -> Path:
    """``originals`` real videos with ``FAKES`` fakes each, and their list. Two videos are encoded;
    the rest are their copies with other bytes at the end, which players pass over."""
    root.mkdir(parents=True)
    rows = ["path,label,original"]
    encoded = [encode(root / f"{n}.mp4.part", n, frames, source) for n in range(min(originals, 2))]
    for n in range(originals):
        for k in range(1 + FAKES):
            name = f"{'fake' if k else 'real'}/{n:04d}_{k}.mp4"
            file = root / name
            file.parent.mkdir(exist_ok=True)
            shutil.copy(encoded[n % 2], file)
            with file.open("ab") as end:  # a box of free space that carries a number
                end.write((16).to_bytes(4, "big") + b"free" + (n * 100 + k).to_bytes(8, "big"))
            rows.append(f"{name},{int(k > 0)},{f'real/{n:04d}_0.mp4' if k else ''}")
    for part in encoded:
        part.unlink()
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return root


def encode(path: Path, seed: int, frames: int, source: Path | None) -> Path:
    """H.264 as phones and sites write it: x264's medium, crf 23, key frames ten seconds apart."""
    with av.open(str(path), "w", format="mp4") as file:
        stream: Any = file.add_stream("libx264", rate=FPS, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for image in from_source(source, frames) if source else drawn(seed, frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode())
    return path


def from_source(source: Path, frames: int) -> Iterator[Image]:
    left = frames
    while left:
        with av.open(str(source)) as file:
            for picture in file.decode(video=0):
                yield picture.to_ndarray(format="rgb24", width=SIZE[0], height=SIZE[1])
                left -= 1
                if not left:
                    return


def drawn(seed: int, frames: int) -> Iterator[Image]:
    """A person of the built-in sample, enlarged, before a background that pans, with noise."""
    from dfbench_sample.take import Take

    rng = np.random.default_rng(seed)
    wide = cv2.resize(
        rng.integers(40, 200, (70, 130, 3), np.uint8),
        (SIZE[0] + 400, SIZE[1] + 200),
        interpolation=cv2.INTER_CUBIC,
    )
    heads = [
        cv2.resize(head, (640, 640), interpolation=cv2.INTER_CUBIC)
        for head in Take(seed, 0, 0).real.frames
    ]
    noise = rng.normal(0, 3, (4, SIZE[1], SIZE[0], 3)).astype(np.int8)
    for n in range(frames):
        x, y = int(200 + 190 * np.sin(n / 60)), int(100 + 90 * np.cos(n / 80))
        image = wide[y : y + SIZE[1], x : x + SIZE[0]].astype(np.int16)
        left, top = int(600 + 120 * np.sin(n / 40)), int(200 + 60 * np.cos(n / 30))
        turn = n % (2 * len(heads) - 2)  # forth and back
        image[top : top + 640, left : left + 640] = heads[min(turn, 2 * len(heads) - 2 - turn)]
        yield np.clip(image + noise[n % 4], 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
