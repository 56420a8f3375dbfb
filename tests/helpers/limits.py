"""Limits the processor time, the memory and the files of a block."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

MEBIBYTE = 2**20


class TooMuchTimeError(BaseException):
    """A block took more processor time than it may; no code that catches `Exception` hides it."""


@contextmanager
def limits(*, seconds: float, mebibytes: int) -> Iterator[None]:
    """Raises an error inside the context if more time or memory than allowed is used.

    Processor time is counted, as other programs of a shared machine do not change it. The memory
    is address space beyond what the process has when the block begins.

    Args:
        seconds: the processor time that the block may take.
        mebibytes: the memory that the block may take.

    Raises:
        TooMuchTimeError: the block took too long.
        MemoryError: the block asked for too much memory.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGPROF, _raise)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + mebibytes * MEBIBYTE, before[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGPROF, handler)


def _raise(number: int, frame: FrameType | None) -> None:
    raise TooMuchTimeError


def _address_space() -> int:
    """Returns the size of the process's address space in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Stops files from growing beyond a size in bytes inside the context, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing raises an OSError
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
