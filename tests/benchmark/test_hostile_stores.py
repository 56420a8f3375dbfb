"""A store of a stranger is read right or refused in one line; it deletes and executes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from textattack_attend.benchmark.schema import TABLES
from textattack_attend.errors import AttendError
from textattack_attend.report import report

from ..helpers.crafted_stores import EVIL, Crafted, crafted_stores, redeclared, valued
from ..helpers.hostile_steps import (
    MEBIBYTES,
    PAGE_SECONDS,
    SECONDS,
    added_to,
    copied,
    executed,
    refusal_of,
    require_one_line,
    tables_of,
)
from ..helpers.limits import limits

SHAPE = '{"shape":[%s],"matrices":[[0,0,[%s]]]}'
"""Masked units as a row has them."""


def outcome_of(crafted: Crafted, true: Path, folder: Path, page: bool) -> str:
    """Whether a crafted store is valid or refused; anything else fails."""
    path = folder / "store.sqlite"
    for file in folder.glob("store.sqlite*"):
        file.unlink()
    shutil.copy(true, path)
    try:
        crafted.change(path)
    except sqlite3.Error:
        return "impossible"
    outcome = "valid"
    try:
        with limits(seconds=SECONDS, mebibytes=MEBIBYTES):
            results = tables_of(path)
        if page:
            with limits(seconds=PAGE_SECONDS, mebibytes=2 * MEBIBYTES):
                report(results)
    except AttendError as error:
        require_one_line(error)
        outcome = "refused"
    try:
        with limits(seconds=SECONDS, mebibytes=MEBIBYTES):
            added_to(path)
    except AttendError as error:
        require_one_line(error)
    return outcome


def outcomes_of(count: int, seed: int, pages: int, true: Path, folder: Path) -> Counter[str]:
    """Tries crafted stores, with the page of a report for the first valid ones."""
    (folder / "evil.py").write_text(EVIL)
    outcomes: Counter[str] = Counter()
    for crafted in crafted_stores(count, seed):
        try:
            outcomes[outcome_of(crafted, true, folder, outcomes["valid"] < pages)] += 1
        except BaseException as error:
            raise AssertionError(f"{crafted.name}: {type(error).__name__}: {error}") from error
        assert not (folder / "executed").exists(), crafted.name
    return outcomes


def require_both(outcomes: Counter[str], count: int) -> None:
    assert sum(outcomes.values()) == count
    assert outcomes["valid"] > count / 20
    assert outcomes["refused"] > count / 2
    assert outcomes["impossible"] < count / 3


def test_crafted_stores_are_read_or_refused(
    true: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    require_both(outcomes_of(60, 0, 2, true, tmp_path), 60)


@pytest.mark.slow
def test_five_hundred_crafted_stores_are_read_or_refused(
    true: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    require_both(outcomes_of(500, 1, 25, true, tmp_path), 500)


# --- each kind by itself, with the line that refuses it ---


@pytest.mark.parametrize("writing", [False, True])
@pytest.mark.parametrize(
    ("sql", "line"),
    [
        (
            "create trigger t after insert on examples begin delete from runs; end",
            "expected the tables of a store and nothing else, got the trigger 't'",
        ),
        ("create view v as select 1", "nothing else, got the view 'v'"),
        ("create index i on examples (text)", "nothing else, got the index 'i'"),
        ("create table more (a)", "nothing else, got the table 'more'"),
        ('create table "a\nb" (a)', "got the table 'a\\nb'"),
        ("alter table examples add column mood text", "examples differs in mood; a newer"),
        ("alter table runs rename column size to extent", "runs differs in extent, size; a newer"),
        ("alter table examples drop column error", "examples differs in error; a newer"),
        ("drop table writers", "writers differs in cell, host, pid, since; a newer"),
        ("pragma user_version = 9", "of version 2 or older, got one of version 9"),
    ],
)
def test_tables_that_are_not_ours(
    sql: str, line: str, writing: bool, true: Path, tmp_path: Path
) -> None:
    path = copied(true, tmp_path)
    executed(path, sql)
    assert line in refusal_of(path, writing=writing)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (" STRICT", "", "expected the strict tables of a store of version 2, but"),
        ("REAL", "ANY", "differs in"),
        ('"error" TEXT', '"error" TEXT CHECK (length(hex(zeroblob(1e9))))', "the word 'check'"),
        ('"error" TEXT', '"error" TEXT AS (hex(zeroblob(1e9)))', "differs in error"),
        ('"error" TEXT', "\"error\" TEXT DEFAULT 'a'", "differs in error"),
        ('"error" TEXT', '"error" TEXT COLLATE NOCASE', "the word 'collate'"),
        ('PRIMARY KEY ("cell", "position")', 'PRIMARY KEY ("position", "cell")', "differs in cell"),
    ],
)
def test_tables_that_are_declared_otherwise(
    old: str, new: str, line: str, true: Path, tmp_path: Path
) -> None:
    path = copied(true, tmp_path)
    redeclared(path, old, new)
    assert line in refusal_of(path)
    assert line in refusal_of(path, writing=True)


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        ("examples.masked", SHAPE % ("100000,100000,5", "1"), "layers: expected at most 10000"),
        ("examples.masked", SHAPE % ("10000,10,5", "1"), "expected at most 65536 matrices"),
        ("examples.masked", SHAPE % ("3,4,5", "0,25"), "expected units below 25, got 25"),
        ("examples.masked", SHAPE % ("3,4,5", "-1"), "expected steps from unit to unit"),
        ("examples.masked", SHAPE % ("3,4,5", "1,0"), "expected steps from unit to unit"),
        ("examples.masked", SHAPE % ("3,4,5", "1e0"), "expected steps from unit to unit"),
        ("examples.masked", SHAPE % ("3,4,5", "NaN"), "JSON has no NaN"),
        ("examples.masked", '{"shape":[3,4,5],"matrices":[]}', "expected masked units, got none"),
        ("examples.masked", "[" * 50_000, "the masked units and tokens of example 0"),
        ("examples.tokens", '{"a": 1}', "expected a list of tokens, got the text"),
        ("examples.matrices", 2, "expected 3 matrices, got 2"),
        ("examples.position", 2**62, "position: expected a number from 0 to 9007199254740992"),
        ("examples.position", -1, "position: expected a number from 0 to"),
        ("examples.queries", -1, "queries: expected a number from 0 to"),
        ("examples.seconds", float("inf"), "seconds: expected a number from 0 to"),
        ("examples.confidence_after", 1.5, "confidence_after: expected a number from"),
        ("examples.outcome", "won", "outcome: expected outcomes out of succeeded, failed"),
        ("runs.size", 10**18, "size: expected a number from 0 to"),
        ("runs.id", "a\nb", "id: expected an id of 16 hexadecimal digits, got the text"),
        ("runs.recipe", "[" * 50_000, "the recipe of its run"),
        ("cells.key", "[" * 50_000, "to say what its rows depend on"),
        ("cells.key", '{"a":' * 60 + "1" + "}" * 60, "to say what its rows depend on"),
        ("entries.card", "NaN", "expected the card of a trained model"),
        ("entries.victim", "another", "expected the victims and the attacks of the recipe"),
        ("entries.checkpoint", "../..", "expected the victims and the attacks of the recipe"),
    ],
)
def test_values_that_no_benchmark_writes(
    place: str, value: object, line: str, true: Path, tmp_path: Path
) -> None:
    path = copied(true, tmp_path)
    table, _, column = place.partition(".")
    database = sqlite3.connect(path)
    with database:
        database.execute(f"update {table} set {column} = ? where rowid = 1", [value])
    database.close()
    assert line in refusal_of(path)


@pytest.mark.parametrize("column", sorted(set(TABLES["examples"]) - {"cell"}))
def test_a_value_of_another_type_is_refused_where_no_table_forbids_it(
    column: str, true: Path, tmp_path: Path
) -> None:
    """Tables of version 0 were not strict, and a stranger's may only say that they are."""
    path = copied(true, tmp_path)
    executed(path, "drop table writers")
    executed(path, "pragma user_version = 0")
    valued(path, "examples", column, b"\x00", "rowid = 1")
    assert f"{column}: expected " in refusal_of(path)


def test_a_text_that_is_no_utf_8_is_refused_without_its_letters(true: Path, tmp_path: Path) -> None:
    path = copied(true, tmp_path)
    executed(path, "update examples set text = cast(x'0a1b5bff' as text) where rowid = 1")
    assert "Could not decode to UTF-8" in refusal_of(path)


def test_a_page_that_is_damaged_is_refused(true: Path, tmp_path: Path) -> None:
    path = copied(true, tmp_path)
    content = bytearray(path.read_bytes())
    content[5 * 4096 : 5 * 4096 + 8] = b"\x0d" + bytes(7)
    path.write_bytes(content)
    assert "expected a store that is whole, got a damaged one" in refusal_of(path)
    assert "expected a store that is whole, got a damaged one" in refusal_of(path, writing=True)
