"""The files beside a store that hold a part of it, until SQLite merges them into its file."""

from __future__ import annotations

import os
import stat

from ..errors import StoreError

JOURNALS = {
    "-wal": "copy both to a folder that you can write, and read the copy",
    "-journal": "let a program that may write the store open it once, as `benchmark` does",
}
"""The endings of the files that hold rows, and how to have them merged."""
SHARED = "-shm"
"""The ending of the file through which processes share what is where in a ``-wal``."""
MAGIC = bytes.fromhex("d9d505f920a163d7")
"""The end of a journal that names another one."""
State = tuple[tuple[int, int, int] | None, ...]
"""What changes when a store is written: of its file and of its journals, None for each missing one.

It is the number of the file, its bytes, and when its content changed. When its owner changed does not
count: SQLite sets that of journals while it reads.
"""


def state_of(path: str) -> State:
    """Returns the state of a store."""
    real = os.path.realpath(path)  # SQLite follows links, too, and writes its journals there
    return tuple(_state(f"{real}{ending}") for ending in ("", *JOURNALS))


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def require_own_journals(path: str) -> None:
    """Refuses journals that would have SQLite write to, or delete, a file that is no store.

    SQLite follows links in the place of its journals, and deletes the file that a journal names as
    that of a transaction over several databases.

    Raises:
        StoreError: a journal is no file, or names another one.
    """
    real = os.path.realpath(path)
    for ending in (*JOURNALS, SHARED):
        problem = _problem_of(f"{real}{ending}")
        if problem:
            raise StoreError(
                f"{path}: expected a journal of this store in the file with the ending {ending} "
                f"beside it, got {problem}; take the store from where `benchmark` wrote it"
            )


def _problem_of(journal: str) -> str:
    try:
        found = os.lstat(journal)
        if not stat.S_ISREG(found.st_mode):
            return "a link, a folder or a device"
        with open(journal, "rb") as file:
            file.seek(max(0, found.st_size - len(MAGIC)))
            return "one that names another file" if file.read() == MAGIC else ""
    except OSError:  # there is none, or SQLite will say that it cannot be read
        return ""
