"""Keeps the resident memory of a run with many threads small."""

from __future__ import annotations

import contextlib
import sys

__all__ = ["share_heaps"]

_M_ARENA_MAX = -8  # mallopt(3) of glibc


def share_heaps(count: int = 2) -> None:
    """Lets all threads share `count` heaps, where the C library is glibc; else does nothing.

    glibc gives each thread a heap of its own, up to eight a processor, and none gives memory back that another could use. Measured:
    a run over 40,000 tasks took 145 MB, and with two heaps 107 MB in the same time.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, count)
