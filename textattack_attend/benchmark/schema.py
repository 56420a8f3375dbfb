"""The tables of a store, and the version of them that its file carries.

The version is SQLite's ``user_version``. Version 0, which had none of its own, named a victim by a
sample of its weights; it is read, but nothing is added to it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sqlite_utils import Database

from ..errors import StoreError
from .row import Row

VERSION = 1
PROVING = 1
"""The first version whose cells name all that decides a row."""


@dataclass(frozen=True)
class Run:
    """A recipe on its data.

    Args:
        id: a hash of both.
        recipe: the recipe as JSON.
        size: number of examples that each attack runs on.
        begun: when first, in UTC.
    """

    id: str
    recipe: str
    size: int
    begun: str


@dataclass(frozen=True)
class Entry:
    """The name that a run gives to a cell.

    Args:
        victim: label of the victim.
        attack: label of the attack.
        checkpoint: folder or hub name.
        seed: the seed of the attack.
        cell: the id of the cell.
        card: the card of the checkpoint as JSON, if it has one.
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


EXAMPLES = {"cell": str, **_columns(Row)}
TABLES: dict[str, dict[str, type]] = {
    "cells": {"id": str, "key": str, "begun": str},
    "examples": EXAMPLES,
    "runs": _columns(Run),
    "entries": {"run": str, **_columns(Entry)},
    "writers": {"cell": str, "pid": int, "host": str, "since": str},
}
KEYS: dict[str, str | tuple[str, ...]] = {
    "cells": "id",
    "examples": ("cell", "position"),
    "runs": "id",
    "entries": ("run", "victim", "attack", "checkpoint", "seed"),
    "writers": "cell",
}
MAY_BE_EMPTY = {
    "entries": {"card"},
    "examples": {field.name for field in dataclasses.fields(Row) if "None" in str(field.type)},
}
ADDED = {"writers": 1}
"""Tables that version 0 did not have, and the version that brought them."""


def make(database: Database, path: str) -> None:
    """Makes the tables of a new store, all of them or none, or check those of one that is there.

    Args:
        database: open.
        path: the path of its file, which errors name.

    Raises:
        StoreError: it is the database of another program, or a store of another version.
    """
    if not database.table_names():
        database.enable_wal()
        _make_all(database)
    if check(database, path) < PROVING:
        raise StoreError(
            f"{path}: expected a store of version {VERSION} to add to, got one of version 0, whose "
            "rows name a sample of the victim's weights only; give --store a new file (results, "
            "compare and report still read this one)"
        )


def _make_all(database: Database) -> None:
    database.execute("begin immediate")  # another process may be about to make them as well
    try:
        if not database.table_names():
            for name, columns in TABLES.items():
                foreign = [("cell", "cells", "id")] if name == "examples" else []
                database.table(name).create(
                    columns,
                    pk=KEYS[name],
                    foreign_keys=foreign,
                    not_null=set(columns) - MAY_BE_EMPTY.get(name, set()),
                    strict=True,
                )
            database.execute(f"pragma user_version = {VERSION}")
        database.commit()
    except BaseException:
        database.rollback()
        raise


def check(database: Database, path: str) -> int:
    """Returns the version of a store that can be read.

    Args:
        database: open.
        path: the path of its file, which errors name.

    Raises:
        StoreError: it is the database of another program, or a store of a newer version, or one
            with tables or columns that its version does not have.
    """
    version = int(database.execute("pragma user_version").fetchone()[0])
    found = set(database.table_names())
    tables = {name for name in TABLES if ADDED.get(name, 0) <= version}
    if not found >= tables - set(ADDED):
        raise StoreError(
            f"{path}: expected a store that `benchmark` wrote, got "
            f"{'another database' if found else 'an empty file'}"
        )
    if version > VERSION:
        raise StoreError(
            f"{path}: expected a store of version {VERSION} or older, got one of version "
            f"{version}, which a newer textattack_attend wrote; update the package, or name "
            "another store"
        )
    for name in sorted(tables):
        columns = set(database.table(name).columns_dict) if name in found else set()
        if columns != set(TABLES[name]):
            unlike = ", ".join(sorted(columns ^ set(TABLES[name])))
            raise StoreError(
                f"{path}: expected the columns of a store of version {version}, but {name} differs "
                f"in {unlike}; a newer or changed textattack_attend wrote it: name another store"
            )
    return version
