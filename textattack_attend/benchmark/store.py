"""The store: an SQLite file with a row for every attacked example, written as it is finished.

A row belongs to a cell: one checkpoint under one attack on one data set, each known by its content,
with the settings and the versions of the libraries. So a run that was killed goes on where it was,
a changed recipe takes over what it shares with the one before, and nothing is mixed up.

- ``cells``: ``id`` (a hash of the key), ``key`` (JSON), ``begun`` (UTC);
- ``examples``: the fields of `Row`, by ``cell`` and ``position``.
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

WAIT_SECONDS = 60
"""For another run that writes to the same store."""
OUTCOMES = ("succeeded", "failed", "skipped", "error")


@dataclass(frozen=True)
class Row:
    """What became of an example.

    Args:
        position: in the data set.
        outcome: one of `OUTCOMES`; an example that is misclassified already is skipped.
        label: of the example.
        seconds: since the example before it was done; attacks that work side by side share theirs.
        text: of the example; its parts one a line.
        perturbed: the same as the attack left it.
        queries: of the model, all; None for an error, like all that follow.
        candidate_queries: structures that were tested up to the first success.
        gradient_passes: forward and backward.
        perturbed_words: share of the words that an attack on words changed, of a success.
        hamming: masked units per perturbed matrix, of a success.
        matrices: with at least one masked unit, of a success.
        error: what went wrong.
    """

    position: int
    outcome: str
    label: int
    seconds: float
    text: str
    perturbed: str | None = None
    queries: int | None = None
    candidate_queries: int | None = None
    gradient_passes: int | None = None
    perturbed_words: float | None = None
    hamming: float | None = None
    matrices: int | None = None
    error: str | None = None


COLUMNS = {
    "cell": str,
    **{
        field.name: next(t for t in (int, float, str) if t.__name__ in str(field.type))
        for field in dataclasses.fields(Row)
    },
}


class Store:
    """A store, made where there is none.

    Args:
        path: of the file.

    Raises:
        StoreError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with self._explained():
            self._database = Database(sqlite3.connect(self.path, timeout=WAIT_SECONDS))
            self._database.enable_wal()
            self._cells = self._database.table("cells").create(
                {"id": str, "key": str, "begun": str}, pk="id", if_not_exists=True
            )
            self._examples = self._database.table("examples").create(
                COLUMNS,
                pk=("cell", "position"),
                foreign_keys=[("cell", "cells", "id")],
                if_not_exists=True,
            )

    def cell(self, key: Mapping[str, Any]) -> str:
        """The id of a cell, which is begun if it is new.

        Raises:
            StoreError: it cannot be written.
        """
        text = json.dumps(key, sort_keys=True)
        cell = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        with self._explained():
            self._cells.insert({"id": cell, "key": text, "begun": begun}, ignore=True)
        return cell

    def missing(self, cell: str, count: int) -> list[int]:
        """Which of the first positions have no row yet."""
        with self._explained():
            done = {row["position"] for row in self._examples.rows_where("cell = ?", [cell])}
        return [position for position in range(count) if position not in done]

    def add(self, cell: str, row: Row) -> None:
        """Write a row; the first that is written of an example stays.

        Raises:
            StoreError: it cannot be written.
        """
        with self._explained():
            self._examples.insert({"cell": cell, **dataclasses.asdict(row)}, ignore=True)

    def rows(self, cells: Sequence[str], count: int) -> pd.DataFrame:
        """The rows of cells up to a position, with the columns of `Row` and ``cell``."""
        marks = ", ".join("?" for _ in cells)
        where = f"cell in ({marks}) and position < ?"
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
                f"{self.path}: expected a store that can be written, got an error ({error}); what "
                "was written before is kept"
            ) from error
