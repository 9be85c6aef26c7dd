"""Ten fakes that face-warping detectors train on: ``python bench/facewarping_sheet.py``.

Writes docs/facewarping.jpg: for ten drawn people of the built-in sample the real face, the fake
made of it, and the difference times eight about mid-grey. ``--cache DIR``, ``--out FILE``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import REAL, VideoRecord
from dfbench.data.listing import read_dataset
from dfbench.faces.geometry import crop, square
from dfbench.places import cache_folder
from dfbench.video.reader import Video
from dfbench_facewarping.fakes import Warping, warp_face
from dfbench_facewarping.geometry import points68

SIDE = 192
FRAME = 20
REGIONS = ("square", "inner", "face")


def triple(record: VideoRecord, number: int) -> NDArray[np.uint8]:
    """Real, fake and difference, one under the other."""
    assert record.boxes is not None
    known = np.load(record.boxes)
    with Video(record.path) as video:
        frame = video.frame(FRAME)
    x, y, side = square(known["boxes"][FRAME][None])
    real, scale = crop(frame, x, y, side)
    points = points68((known["landmarks"][FRAME] - [x, y]) * scale)
    rng = np.random.default_rng(number)
    warping = Warping.draw(rng)
    while warping.region != REGIONS[number % 3]:
        warping = Warping.draw(rng)
    fake = warp_face(real, points, warping)
    difference = np.clip(128 + 8 * (fake.astype(int) - real), 0, 255).astype(np.uint8)
    tiles = [
        cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for p in (real, fake, difference)
    ]
    text = f"{warping.region} {warping.size} px" + (" soft" if warping.feather else "")
    cv2.putText(
        tiles[1], text, (6, SIDE - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255,) * 3, 1, cv2.LINE_AA
    )
    return np.asarray(np.vstack(tiles), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("docs/facewarping.jpg"))
    wanted = parser.parse_args()
    sample = read_dataset("sample", open_catalogue(), {}, wanted.cache or cache_folder())
    real = [r for r in sample.records if r.label == REAL and r.id.endswith("-0")][:10]
    sheet = np.hstack([triple(record, number) for number, record in enumerate(real)])
    cv2.imwrite(str(wanted.out), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
