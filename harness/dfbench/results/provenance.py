"""Where a number comes from: versions, machine, commit, command. Beside the spec, never in it."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "deepfake-bench",
    "torch",
    "torchvision",
    "lightning-fabric",
    "av",
    "opencv-python-headless",
    "numpy",
    "scikit-learn",
    "mlflow",
    "safetensors",
)


def environment() -> dict[str, Any]:
    """Versions and hardware of this process."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "cuda": torch.version.cuda if gpu else None,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of the packages that a number can depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_commit(folder: Path | None = None) -> str | None:
    """Commit of the repository the command was given in, ``+`` added when it has changes; None
    outside of one."""
    try:
        asked = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
        done = subprocess.run(
            asked, cwd=folder, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def utc_now() -> str:
    """The time in ISO 8601, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command() -> list[str]:
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def peak_memory_mb() -> dict[str, float]:
    """Largest resident set so far of this process and of one of its workers, in MB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return {
        "peak_memory_mb": round(own / unit, 1),
        "peak_worker_memory_mb": round(worker / unit, 1),
    }


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
