"""Opens the file of a store, which a stranger may have made, to read or to write.

A connection for writing keeps a write-ahead log beside the store, so that readers never wait. A
connection for reading leaves no file beside the store: if nobody seems to write, SQLite is told
that the file does not change, and results count only if it really did not.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from ..errors import StoreError
from .journals import JOURNALS, State, require_own_journals, state_of

WAIT_SECONDS = 60
"""The most seconds that a process waits for another one that writes to the same store."""
POLL_SECONDS = 0.01
ATTEMPTS = 20
"""The most times that a store is read again because another process wrote to it meanwhile."""
STEPS = 1_000_000
STEPS_PER_BYTE = 10
"""The steps that SQLite may take to check a byte of a file; a sound store needs 0.025 to 0.1."""
STEPS_AT_ONCE = 10_000


def for_writing(path: str) -> sqlite3.Connection:
    """Opens a file, or makes an empty one.

    Raises:
        StoreError: the path is no file, or a journal leads elsewhere.
        sqlite3.Error: the file cannot be opened.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise StoreError(f"{path}: expected the file of a store, got a folder or a device")
    if not os.path.isdir(folder := os.path.dirname(os.path.abspath(path))):
        raise StoreError(f"{path}: expected a place for the store, but there is no folder {folder}")
    require_own_journals(path)
    # An absolute path, as SQLite keeps what is called ":memory:" in memory only.
    connection = sqlite3.connect(os.path.abspath(path), timeout=WAIT_SECONDS)
    with _closed_if_refused(connection):
        _distrust(connection)
        # A killed process loses nothing; only a power cut may take the last rows, not the file.
        connection.execute("pragma synchronous = normal")
    return connection


def write_ahead(connection: sqlite3.Connection) -> None:
    """Makes writers of a store keep a write-ahead log; a file system without one goes on without.

    SQLite does not wait for a lock when the journal changes, so it is tried until it is free.

    Raises:
        sqlite3.Error: another process has kept the file locked for a minute.
    """
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(POLL_SECONDS)


def is_alone(connection: sqlite3.Connection) -> bool:
    """Returns whether no other connection has the file open, and takes the log off it if so."""
    try:
        (mode,) = connection.execute("pragma journal_mode = delete").fetchone()
    except sqlite3.OperationalError:
        return False
    return bool(mode == "delete")


@contextmanager
def within_limits(connection: sqlite3.Connection, path: str) -> Iterator[None]:
    """Stops SQLite inside the context once it takes more steps than a file of that size needs.

    Pages of a crafted file may point at each other, so that a few of them seem to be billions.

    Args:
        connection: a connection to the file.
        path: the path of the file.

    Raises:
        sqlite3.OperationalError: SQLite was stopped.
    """
    size = sum(found[1] for found in state_of(path) if found)
    left = (STEPS + STEPS_PER_BYTE * size) // STEPS_AT_ONCE

    def count() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(count, STEPS_AT_ONCE)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


class Reader:
    """Reads the file of a store; another process may write to it at the same time.

    Args:
        path: the path of the file.
        check: a function that checks an open connection; it is called again after every change of
            the file.

    Attributes:
        checked: the last result of the check.
    """

    def __init__(self, path: str, check: Callable[[sqlite3.Connection], Any]) -> None:
        self._path = path
        self._check = check
        self.checked: Any = None
        self._connection: sqlite3.Connection | None = None
        self._state: State = ()
        self._still = False

    def read(self, sql: str = "select 1", values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Returns the rows that a statement finds.

        Raises:
            StoreError: the check refused the file, or others never stop writing to it.
            sqlite3.Error: the file cannot be read.
        """
        for _ in range(ATTEMPTS):
            try:
                found = rows_of(self._open(), sql, values)
            except (sqlite3.Error, StoreError):
                if self._state == state_of(self._path):
                    raise
            else:
                if not self._outdated():
                    return found
            self.close()
            time.sleep(POLL_SECONDS)
        raise StoreError(
            f"{self._path}: expected a store that can be read, got one that others have changed "
            f"{ATTEMPTS} times meanwhile; read it again once they are done"
        )

    def close(self) -> None:
        """Closes the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._outdated():
            self.close()
        if self._connection is None:
            self._state = state_of(self._path)
            require_own_journals(self._path)
            # With a journal the file alone is not the store: SQLite reads both, with locks.
            self._still = not any(found and found[1] for found in self._state[1:])
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        options = "mode=ro&immutable=1" if self._still else "mode=ro"
        name = quote(os.fsencode(os.path.abspath(self._path)))
        connection = sqlite3.connect(f"file:{name}?{options}", uri=True, timeout=WAIT_SECONDS)
        with _closed_if_refused(connection):
            _distrust(connection)
            connection.execute("pragma query_only = on")
            if not self._still:
                self._require_merged(connection)
            self.checked = self._check(connection)
        return connection

    def _require_merged(self, connection: sqlite3.Connection) -> None:
        """Refuses a journal that cannot be read; without it numbers would be wrong."""
        try:
            connection.execute("select count(*) from sqlite_master")
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            journal, advice = next(
                (ending, advice)
                for (ending, advice), found in zip(JOURNALS.items(), self._state[1:], strict=True)
                if found and found[1]
            )
            raise StoreError(
                f"{self._path}: expected a store whose last rows, in the file with the ending "
                f"{journal} beside it, can be read, got an error ({error}); {advice}"
            ) from error

    def _outdated(self) -> bool:
        """Returns whether a file that was opened as one that nobody writes to has changed."""
        return self._still and self._state != state_of(self._path)


def rows_of(
    connection: sqlite3.Connection, sql: str, values: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Returns the rows that a statement finds, by the names of their columns.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _code(error: sqlite3.Error) -> int:
    """Returns SQLite's primary code of an error; 0 for an error of Python's module."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def _closed_if_refused(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _distrust(connection: sqlite3.Connection) -> None:
    """Forbids that a file's schema calls functions, other files, or triggers."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 0)
    connection.execute("pragma trusted_schema = off")
    connection.execute("pragma cell_size_check = on")
