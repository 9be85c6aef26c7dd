"""What a container for face crops costs: size on disk, time to write, time to read.

    python bench/store.py                                     # a drawn video alone
    python bench/store.py --weights face_detection_yunet_2023mar.onnx \\
        --video street_1080p.mp4 --video again.mkv --video please.mkv

One file a video, with 32 single frames or 4 clips of 16, each crop 320 pixels a side. ``frames/s``
is the reading of one frame from a file that is not open yet, as training does; ``clip frames/s``
the reading of a whole clip. One core, the files in the page cache. The lines of the store itself
include its ``video.json``. TB are for DFDC's 128,154 videos.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import h5py
import numpy as np
from material import SIDE, Crops, material
from numpy.typing import NDArray
from PIL import Image

from dfbench.catalogue.cards import ClipSpec
from dfbench.faces.file import StoredVideo, StoredWindow
from dfbench.faces.store import FaceStore

DFDC = 128_154
Clip = NDArray[np.uint8]


@dataclass(frozen=True)
class Container:
    """write(path, clips), read(path, number of the clip) -> uint8 [T, S, S, 3]."""

    write: Callable[[Path, Crops], None]
    read: Callable[[Path, int], Clip]
    clips_only: bool = False


def zipped(encode: Callable[[Clip], bytes]) -> Container:
    """A stored ZIP of pictures."""

    def write(path: Path, clips: Crops) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for c, clip in enumerate(clips):
                for t, image in enumerate(clip):
                    archive.writestr(f"clip{c:02d}/frame{t:02d}", encode(image))

    def read(path: Path, number: int) -> Clip:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.startswith(f"clip{number:02d}/")]
            data = [np.frombuffer(archive.read(name), np.uint8) for name in names]
        return np.stack([cv2.imdecode(d, cv2.IMREAD_COLOR_RGB) for d in data])

    return Container(write, read)


def picture(ending: str, *settings: int) -> Container:
    def encode(image: Clip) -> bytes:
        return cv2.imencode(ending, image[..., ::-1], list(settings))[1].tobytes()

    return zipped(encode)


def webp(method: int, quality: int) -> Container:
    def encode(image: Clip) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "WEBP", lossless=True, method=method, quality=quality)
        return buffer.getvalue()

    return zipped(encode)


def video(codec: str, pixels: str, **options: str) -> Container:
    """A ZIP of Matroska files, one a clip."""

    def encode(clip: list[Clip]) -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="matroska") as file:
            stream = file.add_stream(codec, rate=30, options=options)
            stream.width = stream.height = SIDE
            stream.pix_fmt = pixels
            stream.codec_context.thread_count = 1
            for image in clip:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            file.mux(stream.encode())
        return buffer.getvalue()

    def write(path: Path, clips: Crops) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for c, clip in enumerate(clips):
                archive.writestr(str(c), encode(clip))

    def read(path: Path, number: int) -> Clip:
        with zipfile.ZipFile(path) as archive:
            data = io.BytesIO(archive.read(str(number)))
        with av.open(data) as file:
            file.streams.video[0].codec_context.thread_count = 1
            return np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])

    return Container(write, read, clips_only=True)


def write_npz(path: Path, clips: Crops) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **{str(c): np.stack(clip) for c, clip in enumerate(clips)})


def read_npz(path: Path, number: int) -> Clip:
    with np.load(path) as arrays:
        return np.asarray(arrays[str(number)])


def hdf5(**compression: object) -> Container:
    """A dataset a clip, a chunk a frame."""

    def write(path: Path, clips: Crops) -> None:
        with h5py.File(path, "w") as file:
            for c, clip in enumerate(clips):
                chunk = (1, SIDE, SIDE, 3)
                file.create_dataset(str(c), data=np.stack(clip), chunks=chunk, **compression)

    def read(path: Path, number: int) -> Clip:
        with h5py.File(path) as file:
            return np.asarray(file[str(number)])

    return Container(write, read)


def store(lossy: bool) -> Container:
    """The face store as it is; ``path`` stands for its folder."""

    def write(path: Path, clips: Crops) -> None:
        names = [
            [f"clip{c:02d}/frame{t:02d}" for t in range(len(clip))] for c, clip in enumerate(clips)
        ]
        box, marks = [71.25, 60.5, 250.75, 251.5], [[101.25, 150.5]] * 5
        windows = [
            StoredWindow(
                list(range(len(n))),
                [0, 0, SIDE],
                [box] * len(n),
                [marks] * len(n),
                [0.93] * len(n),
                n,
                c,
            )
            for c, n in enumerate(names)
        ]
        pictures = {
            n: image
            for row, clip in zip(names, clips, strict=True)
            for n, image in zip(row, clip, strict=True)
        }
        about = StoredVideo("v", "ok", "", "pyav", "yunet", windows=windows)
        FaceStore(path, lossy).write("0" * 64, about, pictures)

    def read(path: Path, number: int) -> Clip:
        ((_, frames),) = FaceStore(path).clips("0" * 64, [number])
        return frames

    return Container(write, read)


def png(level: int, *more: int) -> Container:
    return picture(".png", cv2.IMWRITE_PNG_COMPRESSION, level, *more)


def jpeg(quality: int, sampling: int) -> Container:
    return picture(
        ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling
    )


UP = (cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)
RLE = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
CONTAINERS: dict[str, Container] = {
    "ZIP, PNG 0": png(0),
    "ZIP, PNG 1 (until schema 1)": png(1),
    "ZIP, PNG 6": png(6),
    "ZIP, PNG 1, filter up": png(1, *UP),
    "ZIP, PNG 3, filter up": png(3, *UP),
    "ZIP, PNG 1, filter up, run lengths": png(1, *UP, *RLE),
    "ZIP, WebP lossless, method 0": webp(0, 0),
    "ZIP, WebP lossless, method 1": webp(1, 0),
    "ZIP, WebP lossless, method 4": webp(4, 50),
    "ZIP, WebP lossless by OpenCV": picture(".webp", cv2.IMWRITE_WEBP_QUALITY, 101),
    "ZIP, FFV1 a clip": video("ffv1", "bgr0", level="3", g="1"),
    "ZIP, H.264 lossless a clip": video("libx264rgb", "rgb24", preset="ultrafast", qp="0"),
    "npz (zlib)": Container(write_npz, read_npz),
    "HDF5, gzip 1, shuffle": hdf5(compression="gzip", compression_opts=1, shuffle=True),
    "HDF5, lzf": hdf5(compression="lzf"),
    "ZIP, JPEG 95 4:2:0": jpeg(95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    "ZIP, JPEG 95 4:4:4": jpeg(95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    "ZIP, JPEG 98 4:4:4": jpeg(98, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    "**the store**": store(lossy=False),
    "**the store, --lossy**": store(lossy=True),
}


@dataclass
class Measured:
    """Seconds a frame to write and to read, bytes a video, the squared error."""

    write: float
    read: float
    size: int
    error: float


def measure(container: Container, clips: Crops, repeats: int) -> Measured:
    frames = sum(map(len, clips))
    write, read = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            path = Path(folder) / str(number)
            begin = time.perf_counter()
            container.write(path, clips)
            write.append((time.perf_counter() - begin) / frames)
            begin = time.perf_counter()
            back = [container.read(path, number) for number in range(len(clips))]
            read.append((time.perf_counter() - begin) / frames)
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        size = sum(file.stat().st_size for file in files)
    error = np.mean(
        [(b.astype(float) - np.stack(c)) ** 2 for b, c in zip(back, clips, strict=True)]
    )
    return Measured(statistics.median(write), statistics.median(read), size, float(error))


def row(name: str, singles: list[Measured], clips: list[Measured]) -> str:
    """A line of the table: sizes and times averaged over the videos."""

    def mean(values: list[float]) -> float:
        return statistics.fmean(values)

    error = mean([m.error for m in clips])
    loss = "none" if error == 0 else f"{10 * np.log10(255**2 / error):.1f} dB"
    single, clip = mean([m.size for m in singles]) if singles else 0, mean([m.size for m in clips])
    one = f"{1 / mean([m.read for m in singles]):.0f}" if singles else ""
    cells = [
        name,
        loss,
        f"{mean([m.write for m in clips]) * 1e3:.1f}",
        one,
        f"{1 / mean([m.read for m in clips]):.0f}",
        f"{single / 1e6:.2f}" if singles else "",
        f"{clip / 1e6:.2f}",
        f"{single * DFDC / 1e12:.2f}" if singles else "",
        f"{clip * DFDC / 1e12:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, action="append", default=[], help="a real one")
    parser.add_argument("--weights", type=Path, help="YuNet's, to find the faces in it")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="containers with this in their name")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    singles = material(ClipSpec(), asked.video, asked.weights)
    clips = material(ClipSpec(frames=16), asked.video, asked.weights)
    print(f"videos: {', '.join(singles)}; OpenCV {cv2.__version__}, median of {asked.repeats}\n")
    columns = [
        "container",
        "loss",
        "write ms/frame",
        "frames/s",
        "clip frames/s",
        "MB, 32 frames",
        "MB, 4x16",
        "TB, 32 frames",
        "TB, 4x16",
    ]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for name, container in CONTAINERS.items():
        if asked.only not in name:
            continue
        one = (
            []
            if container.clips_only
            else [measure(container, c, asked.repeats) for c in singles.values()]
        )
        many = [measure(container, c, asked.repeats) for c in clips.values()]
        print(row(name, one, many), flush=True)


if __name__ == "__main__":
    main()
