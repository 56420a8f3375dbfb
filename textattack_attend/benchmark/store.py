"""The store: an SQLite file with a row for every attacked example, written as it is finished.

A row belongs to a cell: one victim under one attack on one data set, each known by its identity,
with the limits, the seed and the versions of the libraries. So a run that was killed goes on where
it was, and a changed recipe takes over the cells that it shares with the former one. The names that
a recipe gives to its cells are kept with each run of it.

- ``cells``: ``id`` (a hash of the key), ``key`` (JSON), ``begun`` (UTC);
- ``examples``: the fields of `Row`, by ``cell`` and ``position``;
- ``runs``: ``id`` (a hash of the recipe and the data), ``recipe`` (JSON), ``size`` (examples that
  each attack runs on), ``begun`` (UTC);
- ``entries``: the fields of `Entry`, by ``run``;
- ``sessions``: the fields of `Session`: the processes that worked on a run;
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
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from sqlite_utils import Database
from sqlite_utils.db import Table

from ..errors import StoreError, reason_of
from ..errors.printable import readable
from . import schema
from .connections import Reader, is_alone, rows_of
from .reading import check_fields, check_rows, checked_key
from .records import Entry, Run, Session, Writer
from .row import Row

R = TypeVar("R", Run, Session, Entry, Writer, Row)


class Store:
    """The file of a benchmark's results.

    Args:
        path: the path of the file.
        new: whether to open the file for writing, and to make it if it is missing; otherwise it is
            only read.

    Attributes:
        version: the version of the store's tables.

    Raises:
        StoreError: there is no such file, it cannot be opened, or it is no store, or a store of
            another version.
    """

    def __init__(self, path: str | os.PathLike[str], *, new: bool = True) -> None:
        self.path = os.fspath(path)
        if not new and not os.path.isfile(self.path):
            raise StoreError(
                f"{self.path}: expected a store that `benchmark` wrote, got no file; name it with "
                "--store, or run `textattack-attend benchmark`"
            )
        self._reader = Reader(self.path, partial(schema.check, path=self.path))
        self._database: Database | None = None
        with _explained(self.path):
            if new:
                self._database, self.version = schema.opened(self.path)
            else:
                self._reader.read()
                self.version = self._reader.checked

    def _table(self, name: str) -> Table:
        """Returns a table to write to."""
        if self._database is None:
            raise StoreError(f"{self.path}: expected a store to write to, got one to read only")
        return self._database.table(name)

    def _write(self, table: str, fields: dict[str, Any], **how: Any) -> None:
        with _explained(self.path):
            self._table(table).insert(fields, **how)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with _explained(self.path):
            if self._database is None:
                return self._reader.read(sql, values)
            return rows_of(self._database.conn, sql, values)

    def _records(self, kind: type[R], which: str, values: Sequence[Any] = ()) -> list[R]:
        names = ", ".join(field.name for field in dataclasses.fields(kind))
        found = self._rows(f"select {names} from {which}", values)
        check_fields(kind, found, self.path)
        return [kind(**row) for row in found]

    def cell(self, key: Mapping[str, Any]) -> str:
        """Returns the id of a cell, which is begun if it is new.

        Raises:
            StoreError: the store cannot be written.
        """
        cell, text = cell_of(key), json.dumps(key, sort_keys=True)
        self._write("cells", {"id": cell, "key": text, "begun": _now()}, ignore=True)
        return cell

    def begin(self, recipe: str, data: str, size: int) -> Run:
        """Returns the run of a recipe, which is begun if it is new.

        Args:
            recipe: the recipe as JSON.
            data: the digest of the data that are attacked.
            size: the number of examples that each attack runs on.

        Raises:
            StoreError: the store cannot be written.
        """
        run = Run(_digest(recipe + data), recipe, size, _now())
        self._write("runs", dataclasses.asdict(run), ignore=True)
        return self._records(Run, "runs where id = ?", [run.id])[0]

    def enter(self, run: Run, entry: Entry) -> None:
        """Writes the names that a run gives to a cell.

        Raises:
            StoreError: the store cannot be written.
        """
        self._write("entries", {"run": run.id, **dataclasses.asdict(entry)}, replace=True)

    def runs(self) -> list[Run]:
        """Returns all runs, in the order in which they were begun.

        Raises:
            StoreError: the store cannot be read, or holds a malformed run.
        """
        return self._records(Run, "runs order by rowid")

    def entries(self, run: Run) -> list[Entry]:
        """Returns the names that a run gives to its cells, as they were entered.

        Raises:
            StoreError: the store cannot be read, or holds a malformed entry.
        """
        return self._records(Entry, "entries where run = ? order by rowid", [run.id])

    def record(self, session: Session) -> None:
        """Writes a session of a run, and again when it has ended; raises as `enter` does."""
        self._write("sessions", _writable(session), replace=True)

    def sessions(self, run: Run) -> list[Session]:
        """Returns the sessions of a run in their order; none of a run that recorded none.

        Raises:
            StoreError: the store cannot be read, or holds a malformed session.
        """
        which = "sessions where run = ? order by begun"
        return self._records(Session, which, [run.id]) if self.version > 1 else []

    def keys(self, cells: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Returns the keys of cells by their ids, as they were given to `cell`.

        Raises:
            StoreError: the store cannot be read, or a key is no object in JSON.
        """
        found = self._rows(f"select id, key from cells where id in ({_marks(cells)})", cells)
        return {row["id"]: checked_key(row["id"], row["key"], self.path) for row in found}

    def missing(self, cell: str, count: int) -> list[int]:
        """Returns the positions, below a number, that have no row yet, or only an error.

        Raises:
            StoreError: the store cannot be read.
        """
        sql = "select position from examples where cell = ? and outcome != 'error'"
        done = {row["position"] for row in self._rows(sql, [cell])}
        return [position for position in range(count) if position not in done]

    def write_down(self, cell: str, pid: int, host: str) -> None:
        """Writes which process attacks a cell now; raises as `enter` does."""
        self._write("writers", dataclasses.asdict(Writer(cell, pid, host, _now())), replace=True)

    def writer(self, cell: str) -> tuple[int, str, str] | None:
        """Returns the last process that attacked a cell, its machine, and when it began, or None.

        Raises:
            StoreError: the store cannot be read.
        """
        found = self._records(Writer, "writers where cell = ?", [cell])
        return (found[0].pid, found[0].host, found[0].since) if found else None

    def add(self, cell: str, row: Row) -> None:
        """Writes the row of an example, unless the example has a row that is no error.

        Characters that UTF-8 lacks, as half of a pair of surrogates, are written as escapes.

        Raises:
            StoreError: the store cannot be written.
        """
        error = "cell = ? and position = ? and outcome = 'error'"
        with _explained(self.path):
            self._table("examples").delete_where(error, [cell, row.position])
        self._write("examples", {"cell": cell, **_writable(row)}, ignore=True)

    def rows(self, cells: Sequence[str], count: int) -> pd.DataFrame:
        """Returns the rows of cells below a position, with the columns of `Row` and ``cell``.

        Raises:
            StoreError: the store cannot be read.
        """
        found = self._rows(f"select * from examples where cell in ({_marks(cells)})", cells)
        check_rows(found, self.path)
        # SQL would leave out a position that is no number, and nobody would know.
        within = [row for row in found if row["position"] < count]
        return pd.DataFrame(within, columns=list(schema.EXAMPLES))

    def found(self, cell: str, count: int) -> dict[int, Row]:
        """Returns the rows of a cell below a position, by position; raises as `rows` does."""
        read = self._records(Row, "examples where cell = ? order by position", [cell])
        return {row.position: row for row in read if row.position < count}

    def delete_if_empty(self) -> None:
        """Closes the file, and deletes it if nobody else has it open and it has no run.

        Raises:
            StoreError: the store cannot be read.
        """
        with _explained(self.path):
            if self._database is not None and not self.runs() and is_alone(self._database.conn):
                # Whoever opens the file from here on waits, finds it deleted, and makes another.
                self._database.execute("begin exclusive")
                if not self.runs():
                    Path(self.path).resolve().unlink(missing_ok=True)
                self._database.rollback()
        self.close()

    def close(self) -> None:
        """Closes the file."""
        if self._database is not None:
            self._database.close()
        self._reader.close()


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turns an error of SQLite into one line."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"{path}: expected a store of `benchmark` that can be used, got an error "
            f"({reason_of(error)}); what was written before is kept"
        ) from error


def cell_of(key: Mapping[str, Any]) -> str:
    """Returns the id of the cell of a key."""
    return _digest(json.dumps(key, sort_keys=True))


def _writable(row: Row | Session) -> dict[str, Any]:
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
