"""Videos whose contents do not matter."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def videos(tmp_path) -> Path:
    """Enough files for three splits; planning does not decode them."""
    for n in range(12):
        for kind in ("real", "fake"):
            path = tmp_path / "videos" / kind / f"{n}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{kind} {n}")
    return tmp_path / "videos"
