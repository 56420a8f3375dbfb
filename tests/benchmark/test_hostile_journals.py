"""Files beside a strange store, or named in it, are not loaded, run, written or deleted."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textattack_attend.benchmark.journals import MAGIC
from textattack_attend.report import report

from ..helpers.crafted_stores import EVIL, PAGE, true_store
from ..helpers.hostile_steps import copied, executed, refusal_of, tables_of
from ..trials.trial import CommandRefusedError, command

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
    assert opened <= {path.name, f"{path.name}-journal"}
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
