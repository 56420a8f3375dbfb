"""Returns memory that the C library keeps on its heap, although it was freed, to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back_free_memory() -> None:
    """Gives memory that was freed back to the system, where the C library is glibc.

    Otherwise glibc keeps freed blocks of up to 32 MiB that lie between others. The matrices of a
    long text are such blocks, so hundreds of megabytes would stay with the process.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
