"""How long a person waits for what needs no work: help, a list, a finished run.

    python bench/start.py --repeats 9
    python bench/start.py --before other/bin/python      # of an installation to compare with

Each command is a process of its own, in turns with a Python that does nothing (the floor) and, with
``--before``, with the same command of the other installation. The run that is found finished is
made first: Meso-4 on a few videos of the built-in sample, for a minute or two.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = ["run", "--detector", "meso4", "--dataset", "sample", "--limit", "6", "--epochs", "1"]
COMMANDS = {"--help": ["--help"], "list detectors": ["list", "detectors"], "a finished run": RUN}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--before", help="Python of an installation to compare with")
    parser.add_argument("--cache", type=Path, help="one that holds the sample spares drawing it")
    asked = parser.parse_args()
    pythons = {"now": sys.executable} | ({"before": asked.before} if asked.before else {})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        env = {**os.environ, "DFBENCH_TRACKING": "off"}
        env["DFBENCH_CACHE"] = str(asked.cache.absolute() if asked.cache else place / "cache")
        for name, python in pythons.items():
            (place / name).mkdir()
            took(python, ["-m", "dfbench", *RUN], place / name, env)
        print("| command | " + " | ".join(f"{n}, s" for n in pythons) + " | times the floor |")
        print("|---|" + "---|" * (len(pythons) + 1))
        for what, words in COMMANDS.items():
            print(row(what, words, pythons, place, env, asked.repeats), flush=True)


def row(
    what: str,
    words: list[str],
    pythons: dict[str, str],
    place: Path,
    env: dict[str, str],
    repeats: int,
) -> str:
    """Medians of repeats taken in turns."""
    found: dict[str, list[float]] = {name: [] for name in [*pythons, "floor"]}
    for _ in range(repeats):
        found["floor"].append(took(sys.executable, ["-c", "pass"], place, env))
        for name, python in pythons.items():
            found[name].append(took(python, ["-m", "dfbench", *words], place / name, env))
    middle = {name: statistics.median(seconds) for name, seconds in found.items()}
    cells = " | ".join(f"{middle[name]:.2f}" for name in pythons)
    return f"| `{what}` | {cells} | {middle['now'] / middle['floor']:.1f} |"


def took(python: str, words: list[str], folder: Path, env: dict[str, str]) -> float:
    """Seconds of one process from start to end. Raises CalledProcessError."""
    begin = time.perf_counter()
    subprocess.run([python, *words], cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
