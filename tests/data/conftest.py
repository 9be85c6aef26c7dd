"""Datasets of small videos, and lists of videos that are not looked into."""

from __future__ import annotations

from pathlib import Path

import pytest
from ffpp_copy import write_lists, write_videos


@pytest.fixture(scope="session")
def clips(tmp_path_factory, make_video) -> list[bytes]:
    """Eight small videos of eight contents."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [make_video(folder / f"{n}.mp4", frames=6 + n, size=(64, 48)) for n in range(8)]
    return [path.read_bytes() for path in paths]


@pytest.fixture
def dataset(tmp_path, clips):
    """A folder whose list gives every video a split: two of each class in train, one elsewhere."""
    rows = [
        ("r0", "real", "train"),
        ("r1", "real", "train"),
        ("r2", "real", "val"),
        ("r3", "real", "test"),
        ("f0", "fake", "train"),
        ("f1", "fake", "train"),
        ("f2", "fake", "val"),
        ("f3", "fake", "test"),
    ]
    lines = ["path,label,split,original"]
    for (name, label, split), data in zip(rows, clips, strict=True):
        (tmp_path / f"{name}.mp4").write_bytes(data)
        original = f"r{name[1]}.mp4" if label == "fake" else ""
        lines.append(f"{name}.mp4,{label},{split},{original}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def videos(tmp_path) -> Path:
    """Thirty originals with two fakes of each, in a list without a split."""
    rows = ["path,label,method,original"]
    for n in range(30):
        rows += [f"real/{n}.mp4,real,,"]
        rows += [f"fake/{m}/{n}.mp4,fake,{m},real/{n}.mp4" for m in ("a", "b")]
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "list.csv").write_text("\n".join(rows))
    return tmp_path / "videos"


@pytest.fixture
def ffpp(tmp_path) -> Path:
    """The official layout with a few official pairs: four methods in c23, two in c40."""
    root = tmp_path / "FaceForensics++"
    write_videos(root)
    write_videos(root, methods=("Deepfakes", "Face2Face"), compression="c40")
    write_lists(root)
    return root
