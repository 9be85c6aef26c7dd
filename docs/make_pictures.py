"""Makes the pictures of README and docs from the product: ``python docs/make_pictures.py RUN``.

RUN is the folder of a finished run of meso4 on sample. Nothing here is drawn by hand.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.text import Text

import dfbench
from dfbench.catalogue.plugins import open_catalogue
from dfbench.cli.terminal.display import result_notes, result_table
from dfbench.data.listing import read_dataset
from dfbench.places import cache_folder
from dfbench.video.reader import Video

HERE = Path(__file__).parent
PEOPLE = (26, 29, 31, 33, 36, 37)


def table(run: Path) -> None:
    """The terminal's output at the end of a run, as SVG."""
    console = Console(record=True, width=84, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(Text("$ dfbench run --detector meso4 --dataset sample", style="bold"))
    result = dfbench.load_result(run)
    console.print(result_table(result))
    for line in result_notes(result):
        console.print(Text(line, style="dim"))
    svg = console.export_svg(title="dfbench")
    # Rich names fonts on a server; the picture must not load anything.
    (HERE / "run.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S), "utf-8")


def faces() -> None:
    """Test people of the sample: a row of real frames, and the same frames of their warps."""
    sample = read_dataset("sample", open_catalogue(), {}, cache_folder())
    paths = {record.id: record.path for record in sample.records}
    rows = []
    for kind in ("real", "warp"):
        row = []
        for person in PEOPLE:
            with Video(paths[f"{kind}/p{person:02d}-0"]) as video:
                row.append(video.frame(20))
        rows.append(np.hstack(row))
    sheet = np.vstack(rows)[..., ::-1]
    small = cv2.resize(sheet, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(HERE / "sample.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    table(Path(sys.argv[1]))
    faces()
