"""Claims, by which only one of the processes that write to a store attacks a cell at a time.

A claim is a lock of the operating system on a file in the folder STORE.locks. It ends with the
process that holds it, however that process ends. The file is deleted when the claim ends, and the
folder with its last file; a killed process leaves its file until the next run ends.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import StoreError
from .store import Store

logger = logging.getLogger(__name__)
ENDING = ".lock"
AT_ONCE = 0.01
"""The most seconds that it takes to claim a free cell."""
POLL_SECONDS = 0.2
ATTEMPTS = 100
"""The most times that the folder is made again while other processes delete it."""


class Claims:
    """The claims of this process on the cells of a store.

    Args:
        store: a store that other processes may write to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # All names of a store, as links to it, share its locks.
        self._folder = Path(f"{os.path.realpath(store.path)}.locks")
        self._said: set[tuple[int, str]] = set()

    @contextmanager
    def if_free(self, cell: str) -> Iterator[bool]:
        """Claims a cell inside the context if no other process does, and yields whether it did.

        Raises:
            StoreError: the folder of the locks, or the store, cannot be written.
        """
        lock = self._lock(cell)
        try:
            self._acquire(lock, AT_ONCE)
        except Timeout:
            yield False
            return
        with self._held(lock, cell):
            yield True

    @contextmanager
    def once_free(self, cell: str) -> Iterator[None]:
        """Waits until a cell is free, and claims it inside the context.

        It says once which process it waits for.

        Raises:
            StoreError: the folder of the locks, or the store, cannot be written.
        """
        lock = self._lock(cell)
        while True:
            try:
                self._acquire(lock, POLL_SECONDS)
                break
            except Timeout:
                self._say_who(cell)
        with self._held(lock, cell):
            yield

    def delete_abandoned(self) -> None:
        """Deletes the files of cells that no process attacks, which killed processes left."""
        for path in self._folder.glob(f"*{ENDING}"):
            with suppress(OSError):  # a Timeout is one: another process holds the lock
                lock = self._lock(path.name.removesuffix(ENDING))
                lock.acquire(timeout=0)
                self._release(lock)

    def _lock(self, cell: str) -> FileLock:
        return FileLock(self._folder / f"{cell}{ENDING}", poll_interval=POLL_SECONDS / 4)

    def _acquire(self, lock: FileLock, seconds: float) -> None:
        try:
            self._acquire_in_a_folder(lock, seconds)
        except Timeout:
            raise
        except OSError as error:
            raise StoreError(
                f"{self._folder}: expected a folder for the locks of the store, but it cannot be "
                f"written ({error.strerror}); delete what is in its place if no benchmark runs, or "
                "name a store in a folder of yours"
            ) from error

    def _acquire_in_a_folder(self, lock: FileLock, seconds: float) -> None:
        """Makes the folder again if another process has deleted it before the lock was made."""
        for _ in range(ATTEMPTS):
            self._folder.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                lock.acquire(timeout=seconds)
                return
        lock.acquire(timeout=seconds)

    @contextmanager
    def _held(self, lock: FileLock, cell: str) -> Iterator[None]:
        try:
            self._store.write_down(cell, os.getpid(), socket.gethostname())
            yield
        finally:
            self._release(lock)

    def _release(self, lock: FileLock) -> None:
        # It is deleted before the release, so that whoever waits finds it gone and asks anew.
        with suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()
        with suppress(OSError):
            self._folder.rmdir()  # this succeeds once the folder is empty

    def _say_who(self, cell: str) -> None:
        writer = self._store.writer(cell)
        if writer is None or writer[:2] in self._said:
            return
        pid, host, since = writer
        self._said.add((pid, host))
        logger.warning(
            "%s: process %d on %s has attacked the cell %s since %s; this run waits for it, and "
            "goes on where it ends",
            self._store.path,
            pid,
            host,
            cell,
            since,
        )
