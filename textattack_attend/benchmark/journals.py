"""Journals, the files beside a store that hold a part of it until SQLite merges them into it."""

from __future__ import annotations

import os
import stat

from ..errors import StoreError

ROLLBACK = "-journal"
"""The ending of the file with which SQLite undoes an unfinished transaction."""
JOURNALS = {
    "-wal": "copy both to a folder that you can write, and read the copy",
    ROLLBACK: "let a program that may write the store open it once, as `benchmark` does",
}
"""The endings of the files that hold rows, and advice how to merge each into the store."""
SHARED = "-shm"
"""The ending of the file in which processes share the index of a ``-wal``."""
MAGIC = bytes.fromhex("d9d505f920a163d7")
"""The end of a journal that names another one."""
State = tuple[tuple[int, int, int] | None, ...]
"""The states of a store's file and journals, which change with every write; None if one is missing.

A state is the file's number, its size in bytes, and the time of its last change of content. The
time of its last change of owner does not count, because SQLite sets the owner of journals.
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
        problem = ""
        if _is_elsewhere(f"{real}{ending}"):
            problem = "a link, a folder or a device"
        # Only this one is opened: closing a file that SQLite has locked would unlock it.
        elif ending == ROLLBACK and _names_another(f"{real}{ending}"):
            problem = "one that names another file"
        if problem:
            raise StoreError(
                f"{path}: expected a journal of this store in the file with the ending {ending} "
                f"beside it, got {problem}; take the store from where `benchmark` wrote it"
            )


def _is_elsewhere(journal: str) -> bool:
    try:
        return not stat.S_ISREG(os.lstat(journal).st_mode)
    except OSError:  # there is none
        return False


def _names_another(journal: str) -> bool:
    try:
        with open(journal, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - len(MAGIC)))
            return file.read() == MAGIC
    except OSError:  # there is none, or SQLite will say that it cannot be read
        return False
