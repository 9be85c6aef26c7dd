"""What a run computes on, found out without importing torch where that can be known without."""

from __future__ import annotations

import ctypes
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from dfbench.errors import OptionError, ResourceError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def check_device(device: str, precision: str) -> tuple[str, str]:
    """The device (``cpu`` or ``cuda``) and Fabric's name of the precision.

    Raises ResourceError for a GPU that is not there, OptionError for another word.
    """
    if device not in DEVICES:
        raise OptionError(f"--device is one of {', '.join(DEVICES)}, not {device!r}")
    if device == "cuda" and not gpu_there():
        raise ResourceError(
            "--device cuda: PyTorch sees no GPU here; use --device cpu, or look at dfbench doctor"
        )
    if device == "auto":
        device = "cuda" if gpu_there() else "cpu"
    if precision == "auto":
        precision = "bf16" if device == "cuda" else "32"
    if precision not in PRECISIONS:
        raise OptionError(f"--precision is auto, {', '.join(PRECISIONS)}, not {precision!r}")
    return device, PRECISIONS[precision]


def gpu_there() -> bool:
    """Whether there is a GPU for the PyTorch that is installed. PyTorch itself is asked where it is
    imported already, and where it was built for AMD's; else the driver, which takes no seconds."""
    version = _torch_version()
    if "torch" in sys.modules or re.search(r"^hip\b.*= '", version, re.MULTILINE):
        import torch

        return torch.cuda.is_available()
    return bool(re.search(r"^cuda\b.*= '", version, re.MULTILINE)) and _driver_shows_a_gpu()


def check_usable(device: str) -> None:
    """Raise ResourceError where the driver shows a GPU that PyTorch cannot use: to compute on the
    CPU instead, unasked, would give another number under the name of this one."""
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ResourceError(
                f"there is a GPU, but PyTorch {torch.__version__} cannot use it: its driver may be "
                "too old for that PyTorch; mend it, or give --device cpu"
            )


def _torch_version() -> str:
    """``torch/version.py``, which says what it was built for; empty where there is no torch."""
    spec = find_spec("torch") if "torch" not in sys.modules else None
    file = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    return file.read_text("utf-8") if file and file.is_file() else ""


def _driver_shows_a_gpu() -> bool:
    """CUDA's driver interface: cuInit, cuDeviceGetCount, which heed ``CUDA_VISIBLE_DEVICES``."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    number = ctypes.c_int()
    ready = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(number)) == 0
    return ready and number.value > 0
