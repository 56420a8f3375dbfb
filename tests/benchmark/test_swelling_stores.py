"""A small store does not become a large table: it is refused, or read row by row."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from textattack_attend.benchmark import Recipe, Results, Store, summary
from textattack_attend.benchmark.export import exported, table_of
from textattack_attend.errors import AttendError
from textattack_attend.report import report

from ..helpers.crafted_stores import repeat_pages
from ..helpers.hostile_steps import MEBIBYTES, PAGE_SECONDS, SECONDS, copied, executed, refusal_of
from ..helpers.limits import limits
from ..helpers.stored_results import results_of, row


def test_pages_that_point_at_each_other_are_no_endless_table(true: Path, tmp_path: Path) -> None:
    """Three pages of 400 pointers each are 64 million rows."""
    for deep in (1, 3, 30):
        for first in (0.0, 0.1, 0.5):
            path = copied(true, tmp_path)
            repeat_pages(path, first, 0.9, deep)
            assert refusal_of(path)


def wide(folder: Path, checkpoints: int, rows_each: int, cells: int) -> Path:
    """A store with many checkpoints under one label, whose cells have few rows each."""
    path = folder / "wide.sqlite"
    store = Store(path)
    names = [f"v{number}" for number in range(checkpoints)]
    recipe = Recipe(data="d", victims={"V": names}, attacks={"A": {"recipe": "b"}})  # type: ignore[dict-item]
    run = store.begin(recipe.model_dump_json(), "d", 10**6)
    known = [store.cell({"versions": number}) for number in range(cells)]
    database = sqlite3.connect(path)
    with database:
        database.executemany(
            "insert into entries values (?, 'V', 'A', ?, 0, ?, null)",
            [(run.id, name, known[n % cells]) for n, name in enumerate(names)],
        )
        database.executemany(
            "insert into examples (cell, position, outcome, seconds, text, queries) "
            "values (?, ?, 'failed', 1, '', 1)",
            [
                (cell, number * rows_each + position)
                for number, cell in enumerate(known)
                for position in range(rows_each)
            ],
        )
    database.close()
    store.close()
    return path


def test_rows_that_count_under_thousands_of_names_are_refused(tmp_path: Path) -> None:
    """A thousand names of a cell with a thousand rows are a million rows."""
    assert "expected at most 32 names of the cell" in refusal_of(wide(tmp_path, 1000, 1000, 1))


def test_models_without_an_example_in_common_take_no_more_than_their_rows(tmp_path: Path) -> None:
    """A table of all models by all examples would have four million numbers for each measure."""
    results = Results.of(Store(wide(tmp_path, 2000, 1, 2000), new=False))
    with limits(seconds=3, mebibytes=MEBIBYTES):
        table = summary(results).set_index("measure")
    assert table.loc["robust", "mean"] == 1
    assert table.loc["queries", "mean"] == 1


def test_a_table_of_a_paper_is_no_larger_than_one(true: Path, tmp_path: Path) -> None:
    """Each row may have columns of its own."""
    path = copied(true, tmp_path)
    rows = [{f"column {number}": 1} for number in range(2000)]
    recipe = {"data": "d", "victims": {"V": ["v"]}, "attacks": {"A": {"recipe": "b"}}}
    text = json.dumps({**recipe, "published": {"source": "a paper", "rows": rows}})
    database = sqlite3.connect(path)
    with database:
        database.execute("update runs set recipe = ?", [text])
    database.close()
    assert "expected a table of at most 10000 cells, got 4000000" in refusal_of(path)


def test_one_wide_cell_does_not_widen_thousands_of_rows(tmp_path: Path) -> None:
    path = wide(tmp_path, 1, 5000, 1)
    executed(path, f"update examples set text = '{'a' * 300_000}' where rowid = 1")
    results = Results.of(Store(path, new=False))
    with limits(seconds=SECONDS, mebibytes=MEBIBYTES):
        with pytest.raises(AttendError, match=r"at most 20000000 letters of Markdown.*csv"):
            exported(table_of("rows", results), "markdown")
        assert len(exported(table_of("rows", results), "csv")) < 10**6


def test_a_report_of_hundreds_of_attacks_has_its_tables_and_no_figures(tmp_path: Path) -> None:
    rows = {("V", f"A{number}", "v"): [row(0, "failed", queries=1)] for number in range(101)}
    with limits(seconds=PAGE_SECONDS, mebibytes=2 * MEBIBYTES):
        page = report(results_of(Store(tmp_path / "store.sqlite"), rows))
    assert "expected at most 100 attacks on victims to tell apart, got 101" in page
    assert "A100" in page
