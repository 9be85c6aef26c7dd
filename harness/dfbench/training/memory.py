"""How this process keeps its memory."""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
_NEVER = -1


@cache
def keep_freed_memory() -> bool:
    """Let the C library reuse freed memory, however large the piece, rather than give it back.

    By default glibc maps each piece of 32 MiB or more anew and unmaps it after use; on a CPU every
    layer's output is such a piece, and the kernel's clearing of their pages takes up to half of a
    training step (mallopt(3); ``bench/memory.py``). The process holds on to its peak until it
    ends. False where the C library has no such setting: nothing is changed then.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _NEVER))
