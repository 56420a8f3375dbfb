"""A store is born whole or not at all, whoever opens it at the same time or kills its maker."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from textattack_attend.benchmark.schema import TABLES, VERSION
from textattack_attend.benchmark.store import Store
from textattack_attend.commands.main import main

PROCESSES = 3
MAKER = """
import os, signal, sqlite3, sys
path, last = sys.argv[1], int(sys.argv[2])
statements = 0

class Killed(sqlite3.Connection):
    '''A connection whose process dies before one of its statements.'''
    def execute(self, *arguments):
        count()
        return super().execute(*arguments)
    def cursor(self, *arguments):
        count()
        return super().cursor(*arguments)
    def commit(self):
        count()
        return super().commit()

def count():
    global statements
    statements += 1
    if statements == last:
        os.kill(os.getpid(), signal.SIGKILL)

connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Killed, **options)
from textattack_attend.benchmark.store import Store

def born(last_of_child, path):
    global last, statements
    last, statements = last_of_child, 0
    Store(path)
    os._exit(0)

for one in range(1, last + 1):  # a fork for each, as the imports take half a second
    child = os.fork()
    if child == 0:
        born(one, f"{path}{one}.sqlite")
    _, status = os.waitpid(child, 0)
    print(one, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
    if not os.WIFSIGNALED(status):
        break
"""


def open_many(folder: Path, stores: int, barrier: Barrier, failures: Any) -> None:
    for number in range(stores):
        barrier.wait()
        try:
            store = Store(folder / f"{number}.sqlite")
            store.cell({"process": os.getpid()})
            store.close()
        except Exception as error:
            failures.put(str(error))
    failures.put(None)


def failures_of(folder: Path, stores: int) -> list[str]:
    """Opens new stores in several processes at the same time; returns what failed."""
    context = multiprocessing.get_context("spawn")
    barrier, failures = context.Barrier(PROCESSES), context.Queue()
    arguments = (folder, stores, barrier, failures)
    processes = [context.Process(target=open_many, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    said: list[str] = []
    done = 0
    while done < PROCESSES:
        failure = failures.get(timeout=120)
        done += failure is None
        said += [failure] if failure else []
    for process in processes:
        process.join()
    return said


def test_processes_that_open_new_stores_at_once_all_get_them(tmp_path: Path) -> None:
    """Before stores were made in one transaction, 101 of 180 such openings failed."""
    assert failures_of(tmp_path, 60) == []
    for number in range(60):
        with sqlite3.connect(tmp_path / f"{number}.sqlite") as database:
            cells = database.execute("select count(*) from cells").fetchone()
            assert cells == (PROCESSES,), "a process wrote to a file that is not there any more"
            assert database.execute("pragma journal_mode").fetchone() == ("wal",)
        database.close()


def test_a_kill_at_any_statement_of_its_birth_leaves_a_store_that_can_be_used(
    tmp_path: Path,
) -> None:
    """Before, 35 of 48 such kills left a file that nobody could use or read."""
    made = subprocess.run(
        [sys.executable, "-c", MAKER, str(tmp_path / "k"), "1000"],
        capture_output=True,
        text=True,
        check=True,
    )
    died = [line.split() for line in made.stdout.splitlines()]
    assert len(died) > 30
    assert {status for _, status in died[:-1]} == {str(int(signal.SIGKILL))}
    assert died[-1][1] == "0", "the last one was not killed, as it has no more statements"
    for number, _ in died:
        path = tmp_path / f"k{number}.sqlite"
        store = Store(path)
        store.cell({"after": "the kill"})
        store.close()
        read = Store(path, new=False)
        assert (read.version, read.runs()) == (VERSION, [])
        read.close()
        with sqlite3.connect(path) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_schema")}
        database.close()
        assert tables >= set(TABLES)


@pytest.mark.parametrize("content", [b"", None], ids=["empty", "none"])
def test_an_empty_file_becomes_a_store(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    if content is not None:
        path.write_bytes(content)
    store = Store(path)
    cell = store.cell({"a": "cell"})
    store.close()
    assert Store(path, new=False).keys([cell]) == {cell: {"a": "cell"}}


@pytest.mark.parametrize("name", [":memory:", "file:a?mode=memory", "a b%20#c?.sqlite", "\udcff"])
def test_a_path_is_a_path_whatever_sqlite_takes_it_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(name)
    cell = store.cell({"a": "cell"})
    store.close()
    assert os.listdir(tmp_path) == [name]
    assert Store(name, new=False).keys([cell]) == {cell: {"a": "cell"}}
    assert os.listdir(tmp_path) == [name]


# --- a kill while rows are written ---

WRITER = """
import os, random, signal, sys
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.store import Store
path, kills = sys.argv[1], int(sys.argv[2])

def write(end):
    store = Store(path)
    cell = store.cell({"a": "cell"})
    run = store.begin("{}", "data", 10**6)
    while True:
        for position in store.missing(cell, 10**4):
            store.add(cell, Row(position, "failed", 0, 1.0, "a film " * 100))
            os.write(end, b"%d\\n" % position)

generator, known = random.Random(0), set()
for kill in range(1, kills + 1):
    read, end = os.pipe()
    child = os.fork()
    if child == 0:
        write(end)
    os.close(end)
    with os.fdopen(read, "rb") as lines:
        said = [next(lines) for _ in range(1 + generator.randrange(100))]
        os.kill(child, signal.SIGKILL)
        rest = lines.read().splitlines()  # what was added before the kill arrived
    os.waitpid(child, 0)
    store = Store(path, new=False)
    (cell,) = (key["id"] for key in store._rows("select id from cells"))
    there = set(store.rows([cell], 10**6)["position"])
    store.close()
    known |= {int(line) for line in [*said, *rest]}
    assert known <= there, "a row is lost"
    assert len(there - known) <= kill, "a kill leaves one row at most that nobody was told of"
print(len(known))
"""


def rows_after_kills(kills: int, folder: Path) -> int:
    arguments = [sys.executable, "-c", WRITER, str(folder / "store.sqlite"), str(kills)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


def test_no_row_is_lost_when_its_writer_is_killed(tmp_path: Path) -> None:
    assert rows_after_kills(5, tmp_path) > 50


@pytest.mark.slow
def test_no_row_is_lost_in_a_hundred_kills(tmp_path: Path) -> None:
    assert rows_after_kills(100, tmp_path) > 1000


# --- a store that nothing was written to is deleted again ---


def test_an_empty_store_is_deleted_with_all_of_its_files(tmp_path: Path) -> None:
    Store(tmp_path / "store.sqlite").delete_if_empty()
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_another_process_has_open_is_not_deleted(tmp_path: Path) -> None:
    """Before, the rows that the other one wrote afterwards were lost, and nobody said so."""
    path = tmp_path / "store.sqlite"
    failing, other = Store(path), Store(path)
    failing.delete_if_empty()
    run = other.begin("{}", "data", 1)
    other.close()
    assert Store(path, new=False).runs() == [run]


def test_whoever_opens_a_store_while_it_is_deleted_gets_another(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    code = (
        "import sys; from textattack_attend.benchmark.store import Store\n"
        "store = Store(sys.argv[1]); store.begin('{}', 'data', 1); store.close()"
    )
    Store(path).close()
    database = sqlite3.connect(path)
    assert database.execute("pragma journal_mode = delete").fetchone() == ("delete",)
    database.execute("begin exclusive")
    opener = subprocess.Popen([sys.executable, "-c", code, str(path)])
    wait_until_open(opener.pid, path)
    path.unlink()
    database.rollback()
    database.close()
    assert opener.wait(60) == 0
    assert len(Store(path, new=False).runs()) == 1


def wait_until_open(pid: int, path: Path) -> None:
    files = Path(f"/proc/{pid}/fd")
    if not files.is_dir():
        pytest.skip("this system does not list the files that a process has open")
    while str(path) not in map(target_of, files.iterdir()):
        time.sleep(0.01)


def target_of(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:  # it was closed meanwhile
        return ""


def test_a_benchmark_closes_its_store_whenever_garbage_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is never closed leaves its log, which a process that ends does not remove."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(
        "data: demo\nexamples: 1\nvictims: {V: attend-demo}\nattacks: {A: hackattend-plus}\n"
    )
    gc.collect()
    gc.disable()
    try:
        done = CliRunner().invoke(main, ["benchmark", "recipe.yaml", "--store", "store.sqlite"])
        assert done.exit_code == 0, done.output
        assert {path.name for path in tmp_path.iterdir()} == {"recipe.yaml", "store.sqlite"}
    finally:
        gc.enable()
