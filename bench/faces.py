"""Frames a second of each face detector, and the days that all of DFDC would take.

    python bench/faces.py                                      # YuNet and MTCNN on this machine
    python bench/faces.py --detector retinaface --device cuda --batch-size 8 --batch-size 32 \\
        --precision 32 --precision bf16

Frames are the street video of ``--video`` (or noise), brought to 720 and 1080 lines. RetinaFace
runs with random weights unless ``--weights retinaface=FILE`` names some: the network costs the
same, and a threshold of 1 leaves it no faces to sort. DFDC is 128,154 videos of 32 sampled frames;
decoding them comes on top.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
DFDC = 128_154 * 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", action="append", choices=["yunet", "mtcnn", "retinaface"])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", action="append", choices=["32", "bf16", "16"])
    parser.add_argument("--batch-size", type=int, action="append", help="default: 1 and 8")
    parser.add_argument("--frames", type=int, default=16, help="frames a repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, as prepare uses them")
    parser.add_argument("--video", type=Path, default=SHARED / "videos" / "street_1080p.mp4")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=PATH")
    asked = parser.parse_args()
    cv2.setNumThreads(asked.threads)
    torch.set_num_threads(asked.threads)
    device = torch.cuda.get_device_name() if asked.device == "cuda" else f"{asked.threads} CPU core"
    print(
        f"{device}, torch {torch.__version__}, OpenCV {cv2.__version__}, {asked.frames} frames, "
        f"median of {asked.repeats}"
    )
    print(
        "| detector | size | batch | precision | frames/s | faces/frame | days for DFDC |\n"
        "|---|---|---|---|---|---|---|"
    )
    for name in asked.detector or ["yunet", "mtcnn"]:
        for precision in (asked.precision or ["32"]) if name == "retinaface" else ["32"]:
            detector = build(name, precision, asked)
            for size in SIZES:
                for batch in asked.batch_size or [1, 8]:
                    print(row(name, detector, size, batch, precision, asked), flush=True)


def row(
    name: str, detector: Any, size: str, batch: int, precision: str, asked: argparse.Namespace
) -> str:
    images = frames(asked.video, asked.frames, SIZES[size])
    detector.detect(images[:batch])  # warm up
    times, faces = [], 0
    for _ in range(asked.repeats):
        begin = time.perf_counter()
        found = [
            f for i in range(0, len(images), batch) for f in detector.detect(images[i : i + batch])
        ]
        times.append(time.perf_counter() - begin)  # answers are on the CPU, so a GPU has finished
        faces = sum(map(len, found))
    rate = len(images) / statistics.median(times)
    days = DFDC / rate / 86400
    return (
        f"| {name} | {size} | {batch} | {precision} | {rate:.1f} | {faces / len(images):.1f} | "
        f"{days:.2f} |"
    )


def build(name: str, precision: str, asked: argparse.Namespace) -> Any:
    given = dict(text.split("=", 1) for text in asked.weights)
    path = Path(given[name]) if name in given else None
    if name == "yunet":
        from dfbench_yunet.detector import YuNet

        return YuNet(path or SHARED / "weights/yunet/face_detection_yunet_2023mar.onnx")
    if name == "mtcnn":
        from dfbench_mtcnn.detector import MTCNN

        return MTCNN(path or SHARED / "weights/mtcnn", device=asked.device)
    from dfbench_retinaface.checkpoint import network
    from dfbench_retinaface.detector import RetinaFace

    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            path = Path(folder) / "random.pth"
            torch.save(network().state_dict(), path)
        threshold = 0.7 if name in given else 1.0
        return RetinaFace(path, device=asked.device, precision=precision, threshold=threshold)


def frames(video: Path, count: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """uint8 [count, H, W, 3] RGB, spread over the video; noise where there is none."""
    if not video.is_file():
        return np.random.default_rng(0).integers(0, 256, (count, size[1], size[0], 3), np.uint8)
    from dfbench.video.reader import Video

    with Video(video) as opened:
        numbers = np.linspace(0, len(opened) - 1, count).astype(int).tolist()
        read = [image for _, image in opened.read(numbers) if image is not None]
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in read])


if __name__ == "__main__":
    main()
