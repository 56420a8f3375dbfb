"""The tables of a store, and the version of them that its file carries.

The version is SQLite's ``user_version``. Version 0, which had none of its own, named a victim by a
sample of its weights; it is read, but nothing is added to it.
"""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database

from ..errors import LONGEST, StoreError
from ..errors.printable import shortened
from .connections import for_writing, rows_of, within_limits, write_ahead
from .records import Entry, Run, Session, Writer
from .row import Row

VERSION = 2
PROVING = 1
"""The first version whose cells name all that decides a row."""


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
    "writers": _columns(Writer),
    "sessions": _columns(Session),
}
KEYS: dict[str, str | tuple[str, ...]] = {
    "cells": "id",
    "examples": ("cell", "position"),
    "runs": "id",
    "entries": ("run", "victim", "attack", "checkpoint", "seed"),
    "writers": "cell",
    "sessions": ("run", "begun"),
}
SQL = {int: "INTEGER", float: "REAL", str: "TEXT"}
"""The types of columns in SQL."""
MAY_BE_EMPTY = {
    "entries": {"card"},
    "sessions": {"ended", "command"},
    "examples": {field.name for field in dataclasses.fields(Row) if "None" in str(field.type)},
}
ADDED = {"writers": 1, "sessions": 2}
"""Tables that version 0 did not have, and the version that brought them."""
ATTEMPTS = 5
"""The most times that an empty file is opened again because another process deletes it."""
WORD = re.compile('[^\\s"`\\[\\](),]+')
WORDS = {
    *TABLES,
    *(column for columns in TABLES.values() for column in columns),
    *(kind.lower() for kind in SQL.values()),
    *("create", "table", "not", "null", "primary", "key", "references", "strict"),
}
"""The words that make the tables: no condition, no computed column, no default."""


def opened(path: str) -> tuple[Database, int]:
    """Opens a store for writing, and opens it again if another process deletes it.

    Returns:
        The database, and the version of its tables.

    Raises:
        StoreError: see `make`.
        sqlite3.Error: the file cannot be written.
    """
    for _ in range(ATTEMPTS):
        connection = for_writing(path)
        try:
            version = make(connection, path)
        except BaseException as error:
            connection.close()
            if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_READONLY_DBMOVED:
                raise
        else:
            return Database(connection), version
    raise StoreError(f"{path}: expected a file that stays, got one that others delete")


def make(connection: sqlite3.Connection, path: str) -> int:
    """Makes the tables of a new store, all of them or none, or checks those of one that is there.

    Returns:
        The version of the tables.

    Args:
        connection: a connection for writing.
        path: the path of its file, which errors name.

    Raises:
        StoreError: it is the database of another program, or a store of another version.
        sqlite3.Error: the file cannot be written.
    """
    if _is_empty(connection):
        connection.execute("begin immediate")  # another process may be about to make them as well
        try:
            if _is_empty(connection):
                _make_all(Database(connection))
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
    version = check(connection, path)
    if PROVING <= version < VERSION:
        version = _bring_up_to_date(connection)
    if version < PROVING:
        raise StoreError(
            f"{path}: expected a store of version {VERSION} to add to, got one of version 0, whose "
            "rows name a sample of the victim's weights only; give --store a new file (results, "
            "compare and report still read this one)"
        )
    write_ahead(connection)
    return version


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not rows_of(connection, "select name from sqlite_master limit 1")


def _make_all(database: Database) -> None:
    for name in TABLES:
        _make_table(database, name)
    database.execute(f"pragma user_version = {VERSION}")


def _make_table(database: Database, name: str) -> None:
    columns = TABLES[name]
    database.table(name).create(
        columns,
        pk=KEYS[name],
        foreign_keys=[("cell", "cells", "id")] if name == "examples" else [],
        not_null=set(columns) - MAY_BE_EMPTY.get(name, set()),
        strict=True,
    )


def _bring_up_to_date(connection: sqlite3.Connection) -> int:
    """Makes the tables that a store of an older version lacks, and returns its new version."""
    connection.execute("begin immediate")  # another process may be about to do so as well
    try:
        there = {row["name"] for row in rows_of(connection, "select name from sqlite_master")}
        for name in TABLES:
            if name not in there:
                _make_table(Database(connection), name)
        connection.execute(f"pragma user_version = {VERSION}")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return VERSION


def check(connection: sqlite3.Connection, path: str) -> int:
    """Returns the version of a store that can be read.

    Args:
        connection: a connection to the file, which a stranger may have made.
        path: the path of the file, which errors name.

    Raises:
        StoreError: it is the database of another program, a store of a newer version, one that is
            damaged, or one that has anything that its version does not have.
        sqlite3.Error: the file cannot be read.
    """
    with within_limits(connection, path):
        version: int = connection.execute("pragma user_version").fetchone()[0]
        # A store has a dozen objects, its indexes counted; a hundred show well that there are more.
        found = rows_of(connection, "select name, type, sql from sqlite_master limit 100")
        _require_a_store({str(one["name"]) for one in found}, version, path)
        strict = {row["name"]: row["strict"] for row in rows_of(connection, "pragma table_list")}
        for name in TABLES:
            if ADDED.get(name, 0) <= version:
                _require_columns(connection, name, version, path)
                _require_strict(name, bool(strict[name]), version, path)
        _require_nothing_else(found, path)
        _require_whole(connection, path)
    return version


def _require_a_store(found: set[str], version: int, path: str) -> None:
    if not found >= set(TABLES) - set(ADDED):
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


def _require_columns(connection: sqlite3.Connection, name: str, version: int, path: str) -> None:
    proving = version >= PROVING  # the tables before took empty values everywhere
    made = _made(name, proving)
    found = {
        row["name"]: (
            row["type"],
            row["pk"],
            proving and bool(row["notnull"]),
            row["dflt_value"],
            row["hidden"],
        )
        for row in rows_of(connection, f"pragma table_xinfo({name})")
    }
    unlike = [
        column for column in sorted({**made, **found}) if made.get(column) != found.get(column)
    ]
    if unlike:
        raise StoreError(
            f"{path}: expected the columns of a store of version {version}, but {name} differs in "
            f"{_shown(', '.join(unlike))}; a newer or changed textattack_attend wrote it: name "
            "another store"
        )


def _require_strict(name: str, strict: bool, version: int, path: str) -> None:
    if version >= PROVING and not strict:
        raise StoreError(
            f"{path}: expected the strict tables of a store of version {version}, but {name} takes "
            "values of any type; name another store"
        )


def _made(name: str, proving: bool) -> dict[str, tuple[str, int, bool, None, int]]:
    """Returns the columns of a table as SQLite describes them, by name.

    They are the type, the place in the primary key, counted from 1, whether a value is needed, the
    default, and whether it is computed.
    """
    key = KEYS[name]
    keys = (key,) if isinstance(key, str) else key
    needed = set(TABLES[name]) - MAY_BE_EMPTY.get(name, set())
    return {
        column: (
            SQL[kind],
            keys.index(column) + 1 if column in keys else 0,
            proving and column in needed,
            None,
            0,
        )
        for column, kind in TABLES[name].items()
    }


def _require_nothing_else(found: Sequence[Mapping[str, Any]], path: str) -> None:
    """Refuses triggers, views and conditions: whatever could act on its own in a strange file."""
    for one in found:
        kind, name, sql = one["type"], one["name"], one["sql"]
        if kind == "index" and sql is None:  # SQLite makes these for the primary keys
            continue
        words = [word for word in WORD.findall(str(sql).lower()) if word not in WORDS]
        if kind != "table" or name not in TABLES:
            unknown = f"the {kind} {_shown(repr(name))}"
        else:
            unknown = f"the word {_shown(repr(words[0]))} in the table {name}" if words else ""
        if unknown:
            raise StoreError(
                f"{path}: expected the tables of a store and nothing else, got {unknown}; read the "
                "store as `benchmark` wrote it"
            )


def _require_whole(connection: sqlite3.Connection, path: str) -> None:
    (problem,) = connection.execute("pragma integrity_check(1)").fetchone()
    if problem != "ok":
        raise StoreError(
            f"{path}: expected a store that is whole, got a damaged one "
            f"({_shown(problem)}); take another copy of it"
        )


def _shown(text: str) -> str:
    return shortened(text, LONGEST)
