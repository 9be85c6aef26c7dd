"""What ``dfbench data check`` finds, in a form that tests compare, and files that are spoilt."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np

from dfbench.catalogue.cards import DatasetCard
from dfbench.catalogue.plugins import open_catalogue
from dfbench.data.check import Report, check_dataset


def check(root: Path, card: DatasetCard | str = "folder", **how: Any) -> Report:
    """The report on ``root``, of an installed dataset or of a card of the test's own."""
    if isinstance(card, str):
        return check_dataset(card, open_catalogue(), {card: root}, root / "cache", **how)
    known: Any = SimpleNamespace(dataset=lambda _: (None, card))
    return check_dataset(card.name, known, {card.name: root}, root / "cache", **how)


def found(report: Report) -> dict[tuple[str, str], str]:
    """(kind, reason) -> severity."""
    return {(f.kind, f.reason): f.severity for f in report.findings}


def finding(report: Report, kind: str):
    (one,) = (f for f in report.findings if f.kind == kind)
    return one


def _audio(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())


def _index_first(path: Path, make_video) -> None:
    """As for the web: the index before the pictures, so a broken download still opens."""
    source = make_video(path.with_name("source.mp4"))
    first = {"movflags": "faststart"}
    with av.open(str(source)) as old, av.open(str(path), "w", options=first) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    source.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def spoil(path: Path, how: str, make_video) -> None:
    """Put in ``path``'s place a file that is wrong in the given way."""
    path.unlink(missing_ok=True)
    if how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("<html>404 Not Found</html>\n" * 50)
    elif how == "random":
        path.write_bytes(random.Random(0).randbytes(5000))
    elif how == "audio":
        _audio(path)
    elif how == "picture":
        path.write_bytes(cv2.imencode(".jpg", make_video.paint(1, (96, 64)))[1].tobytes())
    elif how == "no pictures":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "link":
        path.symlink_to(path.with_name("gone.mp4"))
    else:
        ending, index = {
            "cut": ("mp4", "last"),
            "cut web": ("mp4", "first"),
            "cut avi": ("avi", ""),
            "cut mkv": ("mkv", ""),
        }[how]
        made = path.with_name(f"made.{ending}")
        if index == "first":
            _index_first(made, make_video)
        else:
            make_video(made, codec="mpeg4" if ending == "avi" else "libx264")
        _cut(made)
        made.rename(path)


def write_pictures(folder: Path, number: int = 5, shade: int = 0) -> Path:
    folder.mkdir(parents=True)
    for n in range(number):
        image = np.random.default_rng(n + shade).integers(0, 255, (40, 30, 3), np.uint8)
        cv2.imwrite(str(folder / f"{n}.png"), image)
    return folder


def box(kind: bytes, content: bytes, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


def copy(dataset: Path, source: str, target: str) -> None:
    (dataset / target).write_bytes((dataset / source).read_bytes())
