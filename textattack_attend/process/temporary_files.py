"""Makes folders for temporary files, and says in one line if the system has no place for them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InvalidInputError

PREFIX = "textattack_attend-"


def folder_of_this_process() -> Path:
    """Makes a folder that only the user can read, and deletes it when the process ends.

    Raises:
        InvalidInputError: there is no place for temporary files.
    """
    with temporary_files():
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Makes a folder, and deletes it at the end of the block.

    Raises:
        InvalidInputError: there is no place for temporary files, or it is full.
    """
    with temporary_files(), tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        yield Path(name)


@contextmanager
def temporary_files() -> Iterator[None]:
    """Turns an error about a temporary file into one line.

    Raises:
        InvalidInputError: there is no place for temporary files, or it is full.
    """
    try:
        yield
    except OSError as error:
        raise _no_place(error) from error


@contextmanager
def needing_a_place() -> Iterator[None]:
    """Reports in one line that there is no place for temporary files, which some imports need.

    Raises:
        InvalidInputError: there is no place for temporary files.
    """
    try:
        yield
    except FileNotFoundError as error:
        if error.filename is None and "temporary directory" in str(error):
            raise _no_place(error) from None
        raise


def _no_place(error: OSError) -> InvalidInputError:
    return InvalidInputError(
        f"expected a folder in which temporary files can be written, got none ({error}); set "
        "TMPDIR to one"
    )
