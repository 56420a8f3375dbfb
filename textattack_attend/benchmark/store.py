"""The store: an SQLite file with a row for every attacked example, written as it is finished.

A row belongs to a cell: one victim under one attack on one data set, each known by its identity,
with the limits, the seed and the versions of the libraries. So a run that was killed goes on where
it was, and a changed recipe takes over what it shares with the one before. What a recipe calls its
cells is kept with each run of it.

- ``cells``: ``id`` (a hash of the key), ``key`` (JSON), ``begun`` (UTC);
- ``examples``: the fields of `Row`, by ``cell`` and ``position``;
- ``runs``: ``id`` (a hash of the recipe and the data), ``recipe`` (JSON), ``size`` (examples that
  each attack runs on), ``begun`` (UTC);
- ``entries``: the fields of `Entry`, by ``run``;
- ``writers``: ``pid``, ``host`` and ``since`` (UTC) of the process that attacked a cell last.

The file carries the version of these tables, see `schema`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlite_utils import Database

from ..errors import StoreError
from ..texts import readable
from . import schema
from .row import OUTCOMES, Row
from .schema import Entry, Run

WAIT_SECONDS = 60
"""For another run that writes to the same store."""


class Store:
    """A store.

    Args:
        path: of the file.
        new: open it to add to it, and make it where there is none; else it is only read.

    Attributes:
        version: the version of its tables.

    Raises:
        StoreError: there is no such file, or it cannot be opened, or is something else, or of
            another version.
    """

    def __init__(self, path: str | os.PathLike[str], *, new: bool = True) -> None:
        self.path = os.fspath(path)
        if not new and not os.path.isfile(self.path):
            raise StoreError(f"{self.path}: expected a store that `benchmark` wrote, got no file")
        with self._explained():
            self._database = Database(sqlite3.connect(self.path, timeout=WAIT_SECONDS))
            if new:
                schema.make(self._database, self.path)
                # A killed process loses nothing; only a power cut may take the last rows, not the
                # file.
                self._database.execute("pragma synchronous = normal")
            self.version = schema.check(self._database, self.path)
            self._cells, self._examples, self._runs, self._entries, self._writers = (
                self._database.table(name) for name in schema.TABLES
            )

    def cell(self, key: Mapping[str, Any]) -> str:
        """The id of a cell, which is begun if it is new.

        Raises:
            StoreError: it cannot be written.
        """
        text = json.dumps(key, sort_keys=True)
        cell = cell_of(key)
        with self._explained():
            self._cells.insert({"id": cell, "key": text, "begun": _now()}, ignore=True)
        return cell

    def begin(self, recipe: str, data: str, size: int) -> Run:
        """The run of a recipe, which is begun if it is new.

        Args:
            recipe: as JSON.
            data: a hash of what is attacked.
            size: number of examples that each attack runs on.

        Raises:
            StoreError: it cannot be written.
        """
        run = Run(_digest(recipe + data), recipe, size, _now())
        with self._explained():
            self._runs.insert(dataclasses.asdict(run), ignore=True)
            return Run(**self._runs.get(run.id))

    def enter(self, run: Run, entry: Entry) -> None:
        """Writes what a run calls a cell.

        Raises:
            StoreError: it cannot be written.
        """
        with self._explained():
            self._entries.insert({"run": run.id, **dataclasses.asdict(entry)}, replace=True)

    def runs(self) -> list[Run]:
        """All that were begun, in that order.

        Raises:
            StoreError: it cannot be read.
        """
        with self._explained():
            return [Run(**row) for row in self._runs.rows_where(order_by="rowid")]

    def entries(self, run: Run) -> list[Entry]:
        """What a run calls its cells, in that order.

        Raises:
            StoreError: it cannot be read.
        """
        with self._explained():
            found = list(self._entries.rows_where("run = ?", [run.id], order_by="rowid"))
        return [Entry(**{k: v for k, v in row.items() if k != "run"}) for row in found]

    def keys(self, cells: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Of cells what their rows depend on, as `cell` was given it.

        Raises:
            StoreError: it cannot be read.
        """
        with self._explained():
            found = list(self._cells.rows_where(f"id in ({_marks(cells)})", cells))
        return {row["id"]: self._key(row) for row in found}

    def _key(self, row: Mapping[str, Any]) -> dict[str, Any]:
        try:
            key = json.loads(row["key"])
        except (TypeError, ValueError, RecursionError):
            key = None
        if not isinstance(key, dict):
            raise StoreError(
                f"{self.path}: expected the cell {row['id']} to say what its rows depend on, got "
                f"{str(row['key'])[:60]!r}; the store was changed: name another"
            )
        return key

    def missing(self, cell: str, count: int) -> list[int]:
        """Which of the first positions have no row yet, but perhaps an error.

        Raises:
            StoreError: it cannot be read.
        """
        where = "cell = ? and outcome != 'error'"
        with self._explained():
            done = {row["position"] for row in self._examples.rows_where(where, [cell])}
        return [position for position in range(count) if position not in done]

    def write_down(self, cell: str, pid: int, host: str) -> None:
        """Writes which process attacks a cell, for those that wait for it.

        Raises:
            StoreError: it cannot be written.
        """
        writer = {"cell": cell, "pid": pid, "host": host, "since": _now()}
        with self._explained():
            self._writers.insert(writer, replace=True)

    def writer(self, cell: str) -> tuple[int, str, str] | None:
        """Returns the process that last attacked a cell, its machine, and since when, or None.

        Raises:
            StoreError: it cannot be read.
        """
        with self._explained():
            found = list(self._writers.rows_where("cell = ?", [cell]))
        return (found[0]["pid"], found[0]["host"], found[0]["since"]) if found else None

    def add(self, cell: str, row: Row) -> None:
        """Writes a row; the first of an example that is no error stays.

        What UTF-8 does not have, as half of a pair of surrogates, is written as its escape.

        Raises:
            StoreError: it cannot be written.
        """
        error = "cell = ? and position = ? and outcome = 'error'"
        with self._explained():
            self._examples.delete_where(error, [cell, row.position])
            self._examples.insert({"cell": cell, **_writable(row)}, ignore=True)

    def rows(self, cells: Sequence[str], count: int) -> pd.DataFrame:
        """The rows of cells up to a position, with the columns of `Row` and ``cell``.

        Raises:
            StoreError: it cannot be read.
        """
        where = f"cell in ({_marks(cells)}) and position < ?"
        with self._explained():
            found = list(self._examples.rows_where(where, [*cells, count]))
        unknown = {row["outcome"] for row in found} - set(OUTCOMES)
        if unknown:
            raise StoreError(
                f"{self.path}: expected outcomes out of {', '.join(OUTCOMES)}, got "
                f"{', '.join(map(repr, sorted(unknown)))}; the store was changed by hand, or is of "
                "another version"
            )
        return pd.DataFrame(found, columns=list(schema.EXAMPLES))

    def delete_if_empty(self) -> None:
        """Lets go of the file, and deletes it if no run was ever begun in it.

        Raises:
            StoreError: it cannot be read.
        """
        empty = not self.runs()
        self.close()
        if empty:
            for ending in ("", "-wal", "-shm"):
                Path(f"{self.path}{ending}").unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: expected a store of `benchmark` that can be used, got an error "
                f"({error}); what was written before is kept"
            ) from error


def cell_of(key: Mapping[str, Any]) -> str:
    """Returns the id of the cell whose rows depend on the key."""
    return _digest(json.dumps(key, sort_keys=True))


def _writable(row: Row) -> dict[str, Any]:
    return {
        name: readable(value) if isinstance(value, str) else value
        for name, value in dataclasses.asdict(row).items()
    }


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
