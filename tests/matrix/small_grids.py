"""What is small enough for a matrix in a test: a network, and datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FRAME = "resnet18:size=32,width=0.0625"


def draw_people(make_video, root: Path, names, brighter: int) -> Path:
    """Real videos are darker than fakes, with noise, so that a tiny network finds something."""
    for kind, base in (("real", 70), ("fake", 110)):
        for number in range(10):
            rng = np.random.default_rng([number, base, brighter])
            noise = rng.integers(-40, 40, (32, 32, 3))
            picture = np.clip(base + brighter + noise + rng.integers(-25, 25), 0, 255)
            make_video(
                root / kind / names(kind, number),
                frames=4,
                size=(32, 32),
                draw=lambda _, p=picture: p.astype(np.uint8),
            )
    return root
