"""Stores as a stranger may have made them: a true one, changed in every way that we know."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textattack_attend.benchmark import Recipe, Store
from textattack_attend.benchmark.records import Entry
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.schema import TABLES
from textattack_attend.checkpoints.card import Card
from textattack_attend.structures import Shape, Structure, encode

PAGE = 4096
"""The bytes of a page of SQLite."""
EVIL = """
from pathlib import Path
Path(__file__).with_name("executed").write_text("")
def build(wrapper):
    raise SystemExit
"""
MASKED = Structure.from_units(
    Shape(3, 4, 5), [(0, 0, 1, 2), (0, 0, 3, 1), (2, 3, 4, 4), (2, 1, 0, 0)]
)
CARD = Card("sst2", "none", {}, "m", "d", 1e-5, 32, 3, 128, {}, 0, "float32", accuracy=0.9)
NASTY: list[Any] = [
    None,
    -1,
    0,
    1,
    2**31,
    2**53 + 1,
    2**62,
    -(2**63),
    0.5,
    -0.5,
    1e308,
    5e-324,
    float("inf"),
    -float("inf"),
    "",
    "x",
    "\x1b[31m\n| a | b |\r\x00",
    "=1+1",
    "<script>alert(1)</script>",
    "a" * 300_000,
    b"\xff\xfe",
    b"",
    "[" * 50_000,
    '{"a":' * 50_000,
    "{}",
    "[]",
    "null",
    "NaN",
    "1" * 5_000,
    '{"shape":[100000,100000,5],"matrices":[[0,0,[1]]]}',
    '{"shape":[3,4,100000000],"matrices":[[0,0,[1]]]}',
    '{"shape":[3,4,5],"matrices":[[2,1,[0,1e3]]]}',
    '{"shape":[3,4,5],"matrices":[[9,9,[0]]]}',
    '{"shape":[3,4,5],"matrices":[[-1,0,[0]]]}',
    '{"shape":[3,4,5],"matrices":[[0,0,[0,24,1]]]}',
    '{"shape":[3,4,5],"matrices":[[0,0,[0]],[0,0,[1]]]}',
    '{"shape":[3,4,5],"matrices":[]}',
    '{"shape":[3,4,5],"matrices":[[0,0,[NaN]]]}',
    '{"shape":[true,4,5],"matrices":[[0,0,[0]]]}',
    '["' + "a" * 100_000 + '"]',
    "[1, 2]",
    "/etc/passwd",
    "evil.py^build",
    "succeeded",
    '{"data": "evil.py^build", "victims": {"V": "../.."}, "attacks": {"A": "evil.py^build"}}',
    '{"data": "d", "victims": {"\\u001b": "v"}, "attacks": {"A": "b"}}',
    '{"schema": [1, 2]}',
    '{"schema": 1, "a\\nb": 1}',
]
"""Values that no column, or only some columns, can have."""
ADDITIONS = (
    "create trigger t after insert on examples begin delete from runs; end",
    "create trigger t before delete on examples begin select raise(ignore); end",
    "create view v as select * from examples",
    "create view writers2 as select randomblob(1000000000)",
    "create index i on examples (outcome)",
    "create unique index u on examples (text)",
    "create index e on examples (hex(zeroblob(position)))",
    "create table another (a)",
    "create virtual table f using fts5(a)",
    "analyze",
    "alter table examples add column mood text",
    "alter table examples add column mood text default 'good'",
    "alter table examples add column mood text generated always as (hex(zeroblob(1e9)))",
    "alter table runs rename column size to extent",
    "alter table examples drop column error",
    "alter table cells rename to sells",
    "drop table writers",
    "drop table examples",
    "delete from cells",
    "delete from runs",
    "delete from entries",
    "delete from examples",
    "pragma user_version = 0",
    "pragma user_version = 1",
    "pragma user_version = 3",
    "pragma user_version = -1",
    "pragma user_version = 2147483647",
    "pragma application_id = 7",
    "update entries set cell = (select id from cells limit 1)",
    "update entries set victim = 'another'",
    "update entries set run = 'another'",
    "update examples set position = position + 1000000000000",
    "update examples set outcome = 'error', before = null",
    "update examples set masked = null",
    "update examples set tokens = null",
    "update runs set size = 1000000000000000000",
    "update runs set size = 1",
)
DECLARATIONS = (
    (" STRICT", ""),
    (" STRICT", " STRICT, WITHOUT ROWID"),
    ("REAL", "ANY"),
    ('"text" TEXT NOT NULL', "\"text\" TEXT NOT NULL DEFAULT 'a'"),
    ('"outcome" TEXT NOT NULL', '"outcome" TEXT'),
    ('"outcome" TEXT NOT NULL', '"outcome" TEXT NOT NULL CHECK (length(hex(zeroblob(1e9))) > 0)'),
    ('"error" TEXT', '"error" TEXT COLLATE NOCASE'),
    ('"error" TEXT', '"error" TEXT GENERATED ALWAYS AS (hex(randomblob(100000000)))'),
    ('PRIMARY KEY ("cell", "position")', 'PRIMARY KEY ("position", "cell")'),
    ('PRIMARY KEY ("cell", "position")', 'UNIQUE ("cell", "position") ON CONFLICT REPLACE'),
    ('CREATE TABLE "runs"', 'CREATE VIEW "runs"'),
    ("TEXT", "BLOB"),
)
"""Declarations of tables, and those that a stranger may write in their place."""


@dataclass(frozen=True)
class Crafted:
    """A way to change a store.

    Args:
        name: says in a few words what is changed.
        change: changes the store at a path; it raises ``sqlite3.Error`` if that cannot be done.
    """

    name: str
    change: Callable[[Path], None]


def true_store(folder: Path, checkpoint: str = "v", attack: str = "hackattend") -> Path:
    """Writes a small store with everything that a benchmark writes."""
    path = folder / "true.sqlite"
    store = Store(path)
    options = [{"mask_fraction": share} for share in (0.01, 0.1)]
    attacks: Any = {f"A{n}": {"recipe": attack, "options": o} for n, o in enumerate(options)}
    victims = {"V": [checkpoint, "w"], "W": ["w"]}
    recipe = Recipe(data="data", victims=victims, attacks=attacks)
    run = store.begin(recipe.model_dump_json(), "data", 4)
    for victim, name in (("V", checkpoint), ("V", "w"), ("W", "w")):
        for label in attacks:
            key = {"model": name, "attack": label, "data": "data", "versions": {}}
            cell = store.cell(key)
            card = CARD.to_json() if name == "w" else None
            store.enter(run, Entry(victim, label, name, 0, cell, card))
            store.write_down(cell, 1, "host")
            for row in rows_of_a_cell():
                store.add(cell, row)
    store.close()
    return path


def rows_of_a_cell() -> list[Row]:
    before: dict[str, Any] = {"before": 0, "confidence_before": 0.8}
    after: dict[str, Any] = {"after": 1, "confidence_after": 0.4, "perturbed": "a film"}
    counts: dict[str, Any] = {"queries": 9, "candidate_queries": 4, "gradient_passes": 1}
    masked: dict[str, Any] = {"masked": encode(MASKED), "matrices": 3, "hamming": 4 / 3}
    tokens: dict[str, Any] = {"tokens": json.dumps(["[CLS]", "a", "film", ".", "[SEP]"])}
    words: dict[str, Any] = {"perturbed_words": 0.5, "similarity": 0.9}
    return [
        Row(0, "succeeded", 0, 1.0, "a film", **before, **after, **counts, **masked, **tokens),
        Row(1, "succeeded", 0, 1.0, "a plot", **before, **after, **counts, **words),
        Row(2, "failed", 0, 1.0, "a scene", **before, **counts),
        Row(3, "error", None, 0.0, "", error="ValueError: no"),
    ]


def crafted_stores(count: int, seed: int) -> Iterator[Crafted]:
    """Yields ways to change a store, of every kind in turn."""
    generator = random.Random(seed)
    kinds = (_value, _addition, _damage, _declaration, _value, _journal, _value, _repeated)
    for number in range(count):
        yield kinds[number % len(kinds)](generator)


def _changed(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Changes a store, past the checks of its own tables, and leaves one file."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("pragma journal_mode = delete")
        database.execute("pragma foreign_keys = off")
        database.execute("pragma ignore_check_constraints = on")
        change(database)
    finally:
        database.close()


def redeclared(path: Path, old: str, new: str) -> None:
    """Changes how tables are declared, and not their content."""

    def change(database: sqlite3.Connection) -> None:
        database.execute("pragma writable_schema = on")
        database.execute("update sqlite_schema set sql = replace(sql, ?, ?)", [old, new])
        (version,) = database.execute("pragma schema_version").fetchone()
        database.execute(f"pragma schema_version = {version + 1}")

    _changed(path, change)


def valued(path: Path, table: str, column: str, value: Any, which: str = "1") -> None:
    """Puts a value into a column, of whatever type both are."""
    redeclared(path, " STRICT", "")
    redeclared(path, " NOT NULL", "")
    expression = "cast(? as text)" if value == b"\xff\xfe" else "?"
    sql = f"update {table} set {column} = {expression} where {which}"
    _changed(path, lambda database: database.execute(sql, [value]))


def _value(generator: random.Random) -> Crafted:
    table = generator.choice([*TABLES, "examples", "examples", "runs", "entries"])
    column = generator.choice(list(TABLES[table]))
    value = generator.choice(NASTY)
    which = generator.choice(["1", "rowid = 1", "rowid % 4 = 1"])
    strict = generator.random() < 0.7

    def change(path: Path) -> None:
        if not strict:
            valued(path, table, column, value, which)
            _changed(path, lambda database: database.execute("pragma user_version = 0"))
            _changed(path, lambda database: database.execute("drop table writers"))
            return
        sql = f"update {table} set {column} = ? where {which}"
        _changed(path, lambda database: database.execute(sql, [value]))

    shown = repr(value)[:40]
    return Crafted(f"{table}.{column} is {shown} where {which}, strict {strict}", change)


def _addition(generator: random.Random) -> Crafted:
    sql = generator.choice(ADDITIONS)
    return Crafted(sql, lambda path: _changed(path, lambda database: database.execute(sql)))


def _declaration(generator: random.Random) -> Crafted:
    old, new = generator.choice(DECLARATIONS)
    return Crafted(f"{old} becomes {new}", lambda path: redeclared(path, old, new))


def _damage(generator: random.Random) -> Crafted:
    start, length = generator.random(), generator.choice([1, 4, 100, PAGE])
    kind = generator.choice(["cut", "noise", "zeros", "page of another"])
    noise = generator.randbytes(length)

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        place = int(start * len(content))
        if kind == "cut":
            del content[place:]
        elif kind == "page of another":
            page = place // PAGE * PAGE
            content[page : page + PAGE] = content[3 * PAGE : 4 * PAGE]
        else:
            content[place : place + length] = noise if kind == "noise" else bytes(length)
        path.write_bytes(content)

    return Crafted(f"{kind} of {length} at {start:.3f}", change)


def _journal(generator: random.Random) -> Crafted:
    ending = generator.choice(["-wal", "-journal", "-shm"])
    noise = generator.randbytes(generator.choice([0, 1, 32, 5000, 100_000]))
    header = generator.choice(
        [b"", bytes.fromhex("377f0682002de218"), b"\xd9\xd5\x05\xf9 \xa1c\xd7"]
    )

    def change(path: Path) -> None:
        Path(f"{path}{ending}").write_bytes(header + noise)

    return Crafted(f"{len(noise)} bytes in {ending}, header {header.hex()}", change)


def repeat_pages(path: Path, first: float, second: float, depth: int) -> None:
    """Makes pages of a store that point at one another: a few of them seem to be many.

    Args:
        path: the path of the store.
        first: the place of the first page, from 0 to 1.
        second: the place of the page that it points at, if it is alone.
        depth: how many pages there are; each points at the next one 400 times.
    """
    content = bytearray(path.read_bytes())
    pages = len(content) // PAGE
    page, target = (2 + int(share * (pages - 1)) for share in (first, second))
    for number in range(page, min(page + depth, pages + 1)):
        pointer = (target if depth == 1 else min(number + 1, pages)).to_bytes(4, "big")
        cells = (pointer + b"\x01") * 400
        places = b"".join((PAGE - 5 * (n + 1)).to_bytes(2, "big") for n in range(400))
        header = b"\x05\x00\x00" + (400).to_bytes(2, "big") + (PAGE - 2000).to_bytes(2, "big")
        body = header + b"\x00" + pointer + places
        start = (number - 1) * PAGE
        content[start : start + PAGE] = body.ljust(PAGE - len(cells), b"\x00") + cells
    path.write_bytes(content)


def _repeated(generator: random.Random) -> Crafted:
    first, second = generator.random(), generator.random()
    depth = generator.choice([1, 3, 30])
    return Crafted(
        f"page at {first:.2f} points at {second:.2f} 400 times, {depth} deep",
        lambda path: repeat_pages(path, first, second, depth),
    )
