"""Steps of the tests of strange stores: reading in every way, adding, and refusing in one line."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.export import exported, runs_of, table_of
from textattack_attend.benchmark.pairing import differences
from textattack_attend.errors import AttendError
from textattack_attend.report import report

from .crafted_stores import true_store
from .limits import limits
from .stored_results import row

LONGEST_LINE = 2_000
SECONDS, MEBIBYTES = 1.0, 200
PAGE_SECONDS = 20.0


def warm_store(folder: Path) -> Path:
    """Returns a true store, once everything is imported whose time is no part of a limit."""
    path = true_store(folder)
    report(tables_of(path))
    return path


def tables_of(path: Path) -> Results:
    """Reads a store as `results` and `compare` do, in every way."""
    store = Store(path, new=False)
    try:
        exported(runs_of([store]), "markdown")
        results = Results.of(store)
    finally:
        store.close()
    for name in ("comparison", "summary", "rows", "ASR"):
        for kind in ("markdown", "csv"):
            exported(table_of(name, results), kind)
    differences(results, results)
    return results


def added_to(path: Path) -> None:
    """Adds to a store as `benchmark` does."""
    store = Store(path)
    try:
        run = store.begin("{}", "other data", 2)
        cell = store.cell({"another": "cell"})
        store.write_down(cell, 1, "host")
        store.writer(cell)
        store.add(cell, row(0, "failed"))
        assert store.missing(cell, 2) == [1]
        assert run in store.runs()
    finally:
        store.close()


def require_one_line(error: AttendError) -> None:
    said = str(error)
    assert said.isprintable()
    assert len(said) < LONGEST_LINE


def copied(true: Path, folder: Path) -> Path:
    path = folder / "store.sqlite"
    shutil.copy(true, path)
    return path


def executed(path: Path, sql: str) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(sql)
    database.close()


def refusal_of(path: Path, *, writing: bool = False) -> str:
    """Returns the line that refuses to read a store, or to add to it, which changes nothing."""
    before = path.read_bytes()
    use = added_to if writing else tables_of
    with limits(seconds=SECONDS, mebibytes=MEBIBYTES), pytest.raises(AttendError) as caught:
        use(path)
    require_one_line(caught.value)
    assert path.read_bytes() == before
    return str(caught.value)
