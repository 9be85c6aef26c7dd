"""What tells a video from others: a digest that is found without reading all of it."""

from __future__ import annotations

import errno
import hashlib
import stat
from pathlib import Path

from dfbench.video.pictures import picture_files

_CHUNK = 1 << 16


def fingerprint(path: Path) -> str:
    """sha256 over size, first and last 64 KiB of a file: its content, without reading all of it.

    Enough to tell videos apart and to notice one that was replaced; not a proof of integrity. Of
    a folder of pictures: the names and sizes of all, the first and the last as above. Raises
    OSError, also for what is neither.
    """
    if path.is_dir():
        files = picture_files(path)
        sizes = {file: file.stat().st_size for file in files if file.is_file()}
        parts = [f"{file.name} {sizes.get(file, -1)}" for file in files]  # a link may lead nowhere
        there = list(sizes)
        parts += [fingerprint(file) for file in (there[0], there[-1])] if there else []
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):  # a pipe would wait for ever
        raise OSError(errno.EINVAL, "neither a file nor a folder of pictures", str(path))
    size = about.st_size
    sha = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        sha.update(file.read(_CHUNK))
        file.seek(max(size - _CHUNK, 0))
        sha.update(file.read(_CHUNK))
    return sha.hexdigest()
