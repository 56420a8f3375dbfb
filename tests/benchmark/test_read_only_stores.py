"""Stores are read where nobody can write, and reading leaves no file and changes none."""

from __future__ import annotations

import gc
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas
import pytest

from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.connections import ATTEMPTS, Reader
from textattack_attend.errors import StoreError

from ..helpers.stored_results import results_of, row
from ..helpers.unprivileged import unprivileged
from ..trials.trial import CommandRefusedError, command


def made(folder: Path, name: str = "store.sqlite") -> Path:
    store = Store(folder / name)
    rows = [row(position, "failed" if position % 3 else "succeeded") for position in range(9)]
    results_of(store, {("V", "A", "v"): rows})
    store.close()
    return folder / name


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The content and the time of change of every file."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file()
    }


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may reach, unlike those of pytest; see `sealed`."""
    with TemporaryDirectory() as above:
        os.chmod(above, 0o755)
        inner = Path(above) / "a folder #1?"
        inner.mkdir()
        with unprivileged():
            reached = os.access(inner, os.R_OK | os.X_OK, effective_ids=True)
        if not reached:
            pytest.skip("the folder for temporary files is one that only its owner may reach")
        yield inner
        inner.chmod(0o755)


def sealed(folder: Path) -> None:
    """Takes away the right to write to a folder and to its files."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


def test_every_command_reads_a_store_that_nobody_can_write(folder: Path, tmp_path: Path) -> None:
    with unprivileged():
        if not os.access(pandas.__file__, os.R_OK, effective_ids=True):
            pytest.skip("the environment is one whose files only its owner may read")
    store = made(folder)
    expected = {
        arguments[0]: command(*arguments)
        for arguments in (
            ["results", "--store", store],
            ["compare", store, store],
            ["report", "--store", store, "--output", tmp_path / "page.html"],
        )
    }
    before = state_of(folder)
    sealed(folder)
    outputs = folder.parent / "outputs"
    outputs.mkdir()
    outputs.chmod(0o777)
    with unprivileged():
        with pytest.raises(PermissionError):
            (folder / "file").write_text("")
        assert command("results", "--store", store) == expected["results"]
        assert command("compare", store, store) == expected["compare"]
        said = command("report", "--store", store, "--output", outputs / "page.html")
        assert said == f"saved in {outputs / 'page.html'}; open it in a browser\n"
    assert "V" in (outputs / "page.html").read_text(encoding="utf-8")
    folder.chmod(0o755)
    assert state_of(folder) == before


def test_a_file_without_write_permission_in_a_folder_of_ones_own_is_read(folder: Path) -> None:
    store = made(folder)
    store.chmod(0o444)
    folder.chmod(0o777)
    before = state_of(folder)
    with unprivileged():
        assert len(Results.of(Store(store, new=False)).rows) == 9
    assert state_of(folder) == before


def test_a_store_on_a_disk_that_is_mounted_to_be_read_is_read(folder: Path) -> None:
    store = made(folder)
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or not mount or not unmount:
        pytest.skip("only root mounts disks")
    disk = folder / "disk"
    disk.mkdir()
    options = [mount, "--bind", "-o", "ro", str(folder), str(disk)]
    if subprocess.run(options, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a folder")
    try:
        with pytest.raises(OSError, match="Read-only"):
            (disk / "file").write_text("")
        assert len(Results.of(Store(disk / store.name, new=False)).rows) == 9
        for name in (store.name, "another.sqlite"):
            with pytest.raises(StoreError, match=r"expected a store of `benchmark` that can be us"):
                Store(disk / name)
    finally:
        gc.collect()  # the errors hold cursors, which hold files of the disk
        subprocess.run([unmount, str(disk)], check=True)


def test_a_link_to_a_store_is_read_with_the_journal_of_the_store(
    folder: Path, tmp_path: Path
) -> None:
    writer = Store(folder / "store.sqlite")
    results_of(writer, {("V", "A", "v"): [row(0, "failed")]})
    (tmp_path / "link.sqlite").symlink_to(folder / "store.sqlite")
    assert len(Results.of(Store(tmp_path / "link.sqlite", new=False)).rows) == 1
    writer.close()
    assert len(Results.of(Store(tmp_path / "link.sqlite", new=False)).rows) == 1


# --- a journal is read or named, never left out ---

KILLED = """
import os, signal, sys
from textattack_attend.benchmark import Store
from tests.helpers.stored_results import results_of, row
store = Store(sys.argv[1])
results_of(store, {("V", "A", "v"): [row(n, "failed") for n in range(9)]})
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path) -> Path:
    """A store whose rows are in its journal only, as its writer was killed."""
    path = folder / "store.sqlite"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert (folder / "store.sqlite-wal").stat().st_size > 0
    return path


def test_the_rows_of_a_killed_run_are_read_and_stay_where_they_are(folder: Path) -> None:
    path = killed(folder)
    before = path.read_bytes(), (folder / "store.sqlite-wal").read_bytes()
    assert len(Results.of(Store(path, new=False)).rows) == 9
    assert (path.read_bytes(), (folder / "store.sqlite-wal").read_bytes()) == before


def test_a_store_that_another_user_writes_to_is_read(folder: Path) -> None:
    writing = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "print(flush=True); input()")
    path = folder / "store.sqlite"
    command = [sys.executable, "-c", writing, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        before = sorted(os.listdir(folder))
        assert "store.sqlite-wal" in before
        sealed(folder)
        with unprivileged():
            assert len(Results.of(Store(path, new=False)).rows) == 9
        folder.chmod(0o755)
        assert sorted(os.listdir(folder)) == before
        process.communicate(b"\n")
    assert process.returncode == 0


def test_rows_in_a_journal_that_cannot_be_read_are_one_line(folder: Path, tmp_path: Path) -> None:
    path = killed(folder)
    (folder / "store.sqlite-shm").unlink()
    sealed(folder)
    with (
        unprivileged(),
        pytest.raises(
            CommandRefusedError,
            match=re.escape(str(path)) + r": expected a store whose last rows, in .* -wal beside "
            r"it, can be read, got .*; copy both to a folder that you can write",
        ),
    ):
        command("results", "--store", path)
    for name in ("store.sqlite", "store.sqlite-wal"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert len(Results.of(Store(tmp_path / "store.sqlite", new=False)).rows) == 9


def test_a_transaction_that_was_cut_off_is_one_line_until_the_store_is_opened(folder: Path) -> None:
    path = made(folder)
    cut = folder / "cut.sqlite"
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode = delete")
    database.execute("pragma cache_spill = 1")
    database.execute("begin")
    database.execute("pragma cache_size = 1")
    database.execute("update examples set text = hex(zeroblob(9999))")
    for ending in ("", "-journal"):
        (folder / f"cut.sqlite{ending}").write_bytes((folder / f"{path.name}{ending}").read_bytes())
    database.rollback()
    database.close()
    with pytest.raises(
        StoreError, match=r"-journal beside it, can be read, .*; let a program that"
    ):
        Store(cut, new=False)
    Store(cut).close()
    assert len(Results.of(Store(cut, new=False)).rows) == 9


# --- a store that is written while it is read ---


def test_a_reader_sees_what_was_written_since_it_opened_the_store(folder: Path) -> None:
    path = made(folder)
    reader = Store(path, new=False)
    (run,) = reader.runs()
    (entry,) = reader.entries(run)
    assert len(reader.rows([entry.cell], 100)) == 9
    writer = Store(path)
    writer.add(entry.cell, row(9, "failed"))
    assert len(reader.rows([entry.cell], 100)) == 10, "it is in the journal"
    writer.close()
    writer = Store(path)
    writer.add(entry.cell, row(10, "failed"))
    writer.close()
    assert len(reader.rows([entry.cell], 100)) == 11, "it is in the file"


WRITER = """
import sys
from tests.helpers.stored_results import row
from textattack_attend.benchmark import Store
for start in range(0, int(sys.argv[3]), 5):
    store = Store(sys.argv[1])
    for position in range(start, start + 5):
        store.add(sys.argv[2], row(position, "failed"))
    store.close()  # this merges the journal
"""


def test_a_reader_is_never_wrong_while_others_open_write_and_close(folder: Path) -> None:
    path, total = folder / "store.sqlite", 500
    store = Store(path)
    cell = store.cell({"a": "cell"})
    store.close()
    arguments = [sys.executable, "-c", WRITER, str(path), cell, str(total)]
    lasting = Store(path, new=False)
    seen: list[int] = []
    with subprocess.Popen(arguments) as process:
        while process.poll() is None:
            fresh = Store(path, new=False)
            for reader in (lasting, fresh):
                positions = list(reader.rows([cell], total)["position"])
                assert positions == list(range(len(positions))), "a row is missing"
                assert len(positions) >= max(seen, default=0), "a row is lost"
                seen.append(len(positions))
            fresh.close()
    assert process.returncode == 0
    assert len(lasting.rows([cell], total)) == total
    assert len(set(seen)) > 5, "it was read while it was written"


def test_a_store_that_changes_while_it_is_read_is_read_again(folder: Path) -> None:
    path = made(folder)
    changes = iter(range(2))

    def change(connection: sqlite3.Connection) -> None:
        if next(changes, None) is not None:
            os.utime(path, ns=(1, next(times)))

    times = iter(range(1, 100))
    reader = Reader(str(path), change)
    assert reader.read("select count(*) as n from examples") == [{"n": 9}]
    assert next(times) == 3, "it was changed twice"


def test_a_store_that_never_stops_changing_is_one_line(folder: Path) -> None:
    path = made(folder)
    times = iter(range(1, 1000))
    reader = Reader(str(path), lambda connection: os.utime(path, ns=(1, next(times))))
    with pytest.raises(StoreError, match=f"others have changed {ATTEMPTS} times"):
        reader.read("select count(*) as n from examples")


def test_what_is_opened_to_be_read_is_not_written(folder: Path) -> None:
    reader = Store(made(folder), new=False)
    for write in (
        lambda: reader.cell({}),
        lambda: reader.begin("{}", "", 1),
        lambda: reader.add("cell", row(0, "failed")),
        lambda: reader.write_down("cell", 1, "host"),
    ):
        with pytest.raises(StoreError, match="expected a store to write to, got one to read only"):
            write()


@pytest.mark.parametrize("new", [True, False])
def test_what_is_no_file_is_one_line(new: bool, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", folder, Path("/dev/null")):
        with pytest.raises(StoreError, match=r": expected (the file of )?a store") as caught:
            Store(path, new=new)
        assert "\n" not in str(caught.value)
    assert not (folder / "missing").exists()
    with pytest.raises(StoreError, match="got no file"):
        Store(folder / "missing", new=False)
    assert not (folder / "missing").exists()
