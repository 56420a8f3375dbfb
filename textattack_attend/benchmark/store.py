"""The store: an SQLite file with a row for every attacked example, written as it is finished.

A row belongs to a cell: one checkpoint under one attack on one data set, each known by its content,
with the settings and the versions of the libraries. So a run that was killed goes on where it was,
a changed recipe takes over what it shares with the one before, and nothing is mixed up. What a
recipe calls its cells is kept with each run of it.

- ``cells``: ``id`` (a hash of the key), ``key`` (JSON), ``begun`` (UTC);
- ``examples``: the fields of `Row`, by ``cell`` and ``position``;
- ``runs``: ``id`` (a hash of the recipe and the data), ``recipe`` (JSON), ``size`` (examples that
  each attack runs on), ``begun`` (UTC);
- ``entries``: the fields of `Entry`, by ``run``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlite_utils import Database

from ..errors import StoreError
from .row import Row

WAIT_SECONDS = 60
"""For another run that writes to the same store."""


@dataclass(frozen=True)
class Run:
    """A recipe on its data.

    Args:
        id: a hash of both.
        recipe: as JSON.
        size: number of examples that each attack runs on.
        begun: when first, in UTC.
    """

    id: str
    recipe: str
    size: int
    begun: str


@dataclass(frozen=True)
class Entry:
    """What a run calls a cell.

    Args:
        victim: label of the victim.
        attack: label of the attack.
        checkpoint: folder or hub name.
        seed: of the attack.
        cell: its id.
        card: of the checkpoint, as JSON, where it has one.
    """

    victim: str
    attack: str
    checkpoint: str
    seed: int
    cell: str
    card: str | None


def _columns(dataclass_type: type) -> dict[str, type]:
    return {
        field.name: next(t for t in (int, float, str) if t.__name__ in str(field.type))
        for field in dataclasses.fields(dataclass_type)
    }


COLUMNS = {"cell": str, **_columns(Row)}
TABLES = {"cells", "examples", "runs", "entries"}


class Store:
    """A store.

    Args:
        path: of the file.
        new: make it where there is none.

    Raises:
        StoreError: there is no such file, or it cannot be opened, or is something else.
    """

    def __init__(self, path: str | os.PathLike[str], *, new: bool = True) -> None:
        self.path = os.fspath(path)
        if not new and not os.path.isfile(self.path):
            raise StoreError(f"{self.path}: expected a store that `benchmark` wrote, got no file")
        with self._explained():
            self._database = Database(sqlite3.connect(self.path, timeout=WAIT_SECONDS))
            self._require_own(new)
            self._database.enable_wal()
            # A killed process loses nothing; only a power cut may take the last rows, not the file.
            self._database.execute("pragma synchronous = normal")
            self._cells = self._database.table("cells").create(
                {"id": str, "key": str, "begun": str}, pk="id", if_not_exists=True
            )
            self._examples = self._database.table("examples").create(
                COLUMNS,
                pk=("cell", "position"),
                foreign_keys=[("cell", "cells", "id")],
                if_not_exists=True,
            )
            self._runs = self._database.table("runs").create(
                _columns(Run), pk="id", if_not_exists=True
            )
            self._entries = self._database.table("entries").create(
                {"run": str, **_columns(Entry)},
                pk=("run", "victim", "attack", "checkpoint", "seed"),
                if_not_exists=True,
            )

    def _require_own(self, new: bool) -> None:
        """Refuse the database of another program, before it is changed."""
        tables = set(self._database.table_names())
        if not tables >= TABLES and (tables or not new):
            raise StoreError(
                f"{self.path}: expected a store that `benchmark` wrote, got "
                f"{'another database' if tables else 'an empty file'}"
            )

    def cell(self, key: Mapping[str, Any]) -> str:
        """The id of a cell, which is begun if it is new.

        Raises:
            StoreError: it cannot be written.
        """
        text = json.dumps(key, sort_keys=True)
        cell = _digest(text)
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
        """Write what a run calls a cell.

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
            found = self._cells.rows_where(f"id in ({_marks(cells)})", cells)
            return {row["id"]: json.loads(row["key"]) for row in found}

    def missing(self, cell: str, count: int) -> list[int]:
        """Which of the first positions have no row yet, but perhaps an error.

        Raises:
            StoreError: it cannot be read.
        """
        where = "cell = ? and outcome != 'error'"
        with self._explained():
            done = {row["position"] for row in self._examples.rows_where(where, [cell])}
        return [position for position in range(count) if position not in done]

    def add(self, cell: str, row: Row) -> None:
        """Write a row; the first of an example that is no error stays.

        Raises:
            StoreError: it cannot be written.
        """
        error = "cell = ? and position = ? and outcome = 'error'"
        with self._explained():
            self._examples.delete_where(error, [cell, row.position])
            self._examples.insert({"cell": cell, **dataclasses.asdict(row)}, ignore=True)

    def rows(self, cells: Sequence[str], count: int) -> pd.DataFrame:
        """The rows of cells up to a position, with the columns of `Row` and ``cell``.

        Raises:
            StoreError: it cannot be read.
        """
        where = f"cell in ({_marks(cells)}) and position < ?"
        with self._explained():
            found = list(self._examples.rows_where(where, [*cells, count]))
        return pd.DataFrame(found, columns=list(COLUMNS))

    def close(self) -> None:
        """Let go of the file."""
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


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
