"""Ends a command in one line if standard output cannot be written, as on a full disk."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import AttendError
from ..files.writing import NO_ROOM

OF_WRITING = NO_ROOM | {errno.EIO, errno.EPIPE, errno.EBADF}
"""The errors that writing to standard output, or to any other file, may raise."""
CODE = 1
"""The exit code if the reader of a pipe has gone, which is the one of click."""


class StandardOutputError(AttendError):
    """Standard output cannot be written."""


@contextmanager
def whole_output() -> Iterator[None]:
    """Makes a command that cannot print end in one line, or silently if nobody reads a pipe.

    Raises:
        StandardOutputError: standard output cannot be written.
        SystemExit: the reader of the pipe has gone.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in OF_WRITING or not _fails():
            raise
        _discard()
        if isinstance(error, BrokenPipeError):
            raise SystemExit(CODE) from None
        raise StandardOutputError(
            f"standard output: cannot be written ({error.strerror}); make room, or print elsewhere"
        ) from None


def _fails() -> bool:
    """Returns whether standard output cannot be written now, as an error does not name its file."""
    if sys.stdout is None:  # it was closed before the program began
        return False
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _discard() -> None:
    """Drops buffered output, which Python would otherwise try to print again when it ends."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
