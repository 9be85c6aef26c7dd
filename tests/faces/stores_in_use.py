"""A face store from outside: its files, what is wrong with them, and how it came about."""

from __future__ import annotations

import zipfile
from pathlib import Path

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import VideoRecord
from dfbench.faces import audit, cache
from dfbench.faces.cut import FaceFinder
from dfbench.faces.prepare import prepare
from dfbench.faces.store import FaceStore


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_symlink() or path.is_file()}


def look(store: FaceStore, whole: bool = True) -> dict[Path, tuple[str, str]]:
    found = cache.listing(store.root)
    return {e.file.path: (e.state, e.why) for e in audit.look(found.entries, whole)}


def turn_a_bit(path: Path, member: str) -> None:
    """Within the data of ``member``, where only its checksum tells."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        about = archive.getinfo(member)
    data[about.header_offset + 30 + len(member) + about.file_size // 2] ^= 4
    path.write_bytes(data)


CLIP = ClipSpec(frames=4, windows=3)


def prepared(videos: Path, root: Path, workers: int = 1) -> list[str]:
    records = [VideoRecord(path.stem, path, 0) for path in sorted(videos.iterdir())]
    finder = FaceFinder(open_catalogue().faces("center")[1])
    return [done.status for done in prepare(records, CLIP, finder, FaceStore(root), workers)]
