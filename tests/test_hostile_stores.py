"""A store of a stranger is read right or refused in one line; it deletes and executes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crafted_stores import (
    EVIL,
    PAGE,
    Crafted,
    crafted_stores,
    redeclared,
    repeat_pages,
    true_store,
    valued,
)
from tests.limits import limits
from tests.stored_results import results_of, row
from tests.trials.trial import CommandRefusedError, command
from textattack_attend.benchmark import Recipe, Results, Store, summary
from textattack_attend.benchmark.export import exported, runs_of, table_of
from textattack_attend.benchmark.journals import MAGIC
from textattack_attend.benchmark.pairing import differences
from textattack_attend.benchmark.schema import TABLES
from textattack_attend.errors import AttendError
from textattack_attend.report import report

LONGEST_LINE = 2_000
SECONDS, MEBIBYTES = 1.0, 200
PAGE_SECONDS = 20.0


SHAPE = '{"shape":[%s],"matrices":[[0,0,[%s]]]}'
"""Masked units as a row has them."""


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = true_store(tmp_path_factory.mktemp("true"))
    report(tables_of(path))  # what is imported and loaded once is no part of a limit
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


def require_one_line(error: AttendError) -> None:
    said = str(error)
    assert said.isprintable()
    assert len(said) < LONGEST_LINE


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
    """The line that refuses to read a store, or to add to it; it changes nothing."""
    before = path.read_bytes()
    use = added_to if writing else tables_of
    with limits(seconds=SECONDS, mebibytes=MEBIBYTES), pytest.raises(AttendError) as caught:
        use(path)
    require_one_line(caught.value)
    assert path.read_bytes() == before
    return str(caught.value)


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
        ("pragma user_version = 9", "of version 1 or older, got one of version 9"),
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
        (" STRICT", "", "expected the strict tables of a store of version 1, but"),
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
        ("examples.masked", SHAPE % ("100000,100000,5", "1"), "expected a shape of numbers up to"),
        ("examples.masked", SHAPE % ("60000,2,5", "1"), "expected at most 65536 matrices"),
        ("examples.masked", SHAPE % ("3,4,5", "0,25"), "expected units below 25, got 25"),
        ("examples.masked", SHAPE % ("3,4,5", "-1"), "expected steps from unit to unit"),
        ("examples.masked", SHAPE % ("3,4,5", "1,0"), "expected steps from unit to unit"),
        ("examples.masked", SHAPE % ("3,4,5", "1e0"), "expected steps from unit to unit"),
        ("examples.masked", SHAPE % ("3,4,5", "NaN"), "expected steps from unit to unit"),
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


# --- files beside a store ---


def test_a_journal_that_names_a_file_of_the_user_deletes_it_no_more(
    true: Path, tmp_path: Path
) -> None:
    """SQLite deletes what a journal names as the file of a transaction over several databases."""
    users = tmp_path / "of the user"
    users.write_text("not to be deleted")
    path = copied(true, tmp_path)
    cut_off(path)
    name = os.fsencode(users)
    page = 0x40000000 // PAGE + 1
    journal = Path(f"{path}-journal")
    journal.write_bytes(
        journal.read_bytes()
        + page.to_bytes(4, "big")
        + name
        + len(name).to_bytes(4, "big")
        + sum(name).to_bytes(4, "big")
        + MAGIC
    )
    for writing in (False, True):
        assert "got one that names another file" in refusal_of(path, writing=writing)
        assert users.read_text() == "not to be deleted"
    executed(path, "delete from writers")
    assert not users.exists(), "SQLite by itself deletes it: else this test proves nothing"


def cut_off(path: Path) -> None:
    """Leaves a store as a power cut does in the middle of a transaction."""
    writing = path.with_name("writing.sqlite")
    shutil.copy(path, writing)
    database = sqlite3.connect(writing)
    database.execute("pragma journal_mode = delete")
    database.execute("pragma cache_size = 1")
    database.execute("pragma cache_spill = 1")
    database.execute("begin")
    values = [[f"{number:016x}"] for number in range(3000)]
    database.executemany("insert into cells values (?, '{}', 'now')", values)
    shutil.copy(writing, path)
    shutil.copy(f"{writing}-journal", f"{path}-journal")
    database.rollback()
    database.close()


@pytest.mark.parametrize("ending", ["-wal", "-journal", "-shm"])
@pytest.mark.parametrize("writing", [False, True])
def test_a_journal_that_is_a_link_is_not_followed(
    ending: str, writing: bool, true: Path, tmp_path: Path
) -> None:
    users = tmp_path / "of the user"
    users.write_text("not to be changed")
    path = copied(true, tmp_path)
    Path(f"{path}{ending}").symlink_to(users)
    assert "got a link, a folder or a device" in refusal_of(path, writing=writing)
    assert users.read_text() == "not to be changed"


def test_a_journal_that_is_a_pipe_holds_up_nobody(true: Path, tmp_path: Path) -> None:
    path = copied(true, tmp_path)
    os.mkfifo(f"{path}-journal")
    assert "got a link, a folder or a device" in refusal_of(path)


@pytest.mark.parametrize(
    "arguments", [["results"], ["report"], ["compare"], ["benchmark", "quick"]]
)
def test_every_command_refuses_a_strange_store_in_one_line(
    arguments: list[str], true: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = copied(true, tmp_path)
    executed(path, "create trigger t after insert on cells begin delete from runs; end")
    before = path.read_bytes()
    named = [path, path] if arguments == ["compare"] else ["--store", path]
    with pytest.raises(CommandRefusedError, match=r"and nothing else, got the trigger 't'"):
        command(*arguments, *named)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


# --- a small file that would become a large table ---


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


# --- what a store names is neither loaded nor run ---


def test_a_report_loads_no_checkpoint_and_no_code_that_a_store_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text(EVIL)
    (tmp_path / "victim").mkdir()
    config = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}}
    (tmp_path / "victim" / "config.json").write_text(json.dumps(config))
    shutil.copy(tmp_path / "evil.py", tmp_path / "victim" / "evil.py")
    path = true_store(tmp_path, checkpoint=str(tmp_path / "victim"), attack="evil.py^build")
    opened = files_opened_by(lambda: report(tables_of(path)), tmp_path)
    assert opened <= {path.name}
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "victim" / "executed").exists()
    page = report(tables_of(path))
    assert "a report loads no checkpoint and no data that a store names" in page


def files_opened_by(action: Callable[[], object], folder: Path) -> set[str]:
    """The files of a folder that Python code opens meanwhile; SQLite's own are none of them."""
    opened: set[str] = set()
    watching = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and str(arguments[0]).startswith(str(folder)):
            opened.add(Path(str(arguments[0])).name)

    sys.addaudithook(note)  # it cannot be taken away, only told to stop
    action()
    watching = False
    return opened
