"""``dfbench doctor``: is everything here that a run needs?"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import click

from dfbench.cli import options


@click.command("doctor")
@options.cache
@options.as_json
def doctor_command(cache: Path | None, as_json: bool) -> None:
    """Versions, GPU, codecs, caches, plugins."""
    report = _report(cache)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    for name, value in report.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, part in value.items():
                click.echo(f"  {key}: {part}")
        else:
            click.echo(f"{name}: {value}")


def _report(cache: Path | None) -> dict[str, Any]:
    from dfbench import __version__
    from dfbench.catalogue.plugins import HOOKS, open_catalogue
    from dfbench.places import cache_folder, config_folder, data_roots
    from dfbench.results.provenance import environment

    known = open_catalogue()
    for kind in HOOKS:
        known.cards(kind)
    place = cache_folder(cache)
    return {
        "dfbench": __version__,
        **environment(),
        "codecs": _codecs(),
        "cache": _place(place),
        "configuration": str(config_folder()),
        "data roots": {name: str(root) for name, root in data_roots().items()},
        "plugins": {p.name: p.broken or "works" for p in known.plugins.values()},
    }


def _place(folder: Path) -> str:
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free / 2**30
    state = "" if os.access(there, os.W_OK) else ", not writable"
    return f"{folder} ({free:.0f} GiB free{state})"


def _codecs() -> dict[str, str]:
    """Decoding and encoding by FFmpeg and libx264, tried on a small video."""
    import tempfile

    import av
    import numpy as np

    from dfbench.errors import VideoError
    from dfbench.video.reader import READER, Video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "try.mp4"
        try:
            with av.open(path, "w") as out:
                stream = out.add_stream("libx264", rate=25)
                stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
                for _ in range(3):
                    image = np.zeros((64, 64, 3), np.uint8)
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                out.mux(stream.encode())
        except (OSError, ValueError) as error:
            return {"H.264 encoding": f"fails: {error}"}
        try:
            with Video(path) as video:
                found = len(video)
        except VideoError as error:
            return {"H.264 encoding": "works", "decoding": f"fails: {error}"}
    right = "works" if found == 3 else f"finds {found} of 3 frames"
    return {"H.264 encoding": "works", f"decoding ({READER})": right}


COMMANDS = [doctor_command]
