"""What a run on a CPU does with the memory it has had."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from dfbench.training.memory import keep_freed_memory
if sys.argv[1] == "kept": keep_freed_memory()
for _ in range(30): bytearray(b"x") * (64 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(way: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, way], check=True, capture_output=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's")
def test_large_pieces_are_had_from_the_kernel_once():
    assert faults("kept") < faults("given back") / 4
