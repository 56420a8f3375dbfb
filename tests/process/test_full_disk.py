"""A disk that is full: one line, what was there is kept, and the same command goes on with room.

A limit on the size of files stands for the disk: writing beyond it fails, for root as well.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textattack_attend.errors import AttendError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import Structure, load

from ..helpers.jobs import BENCHMARK, REPORT, ROWS, TRAIN
from ..helpers.processes import Ended, Running, attend, full_disk
from ..helpers.stored_rows import rows_in, timeless

STORE, PAGE, SAVED, TABLE = "rows.sqlite", "page.html", "saved.safetensors", "rows.csv"
RESULTS = ("results", "--store", STORE, "--table", "rows", "--output", TABLE)
TEXT = "the film was never quite funny"
SHARED_MEMORY = 32_768
"""Bytes of the file that SQLite maps before it writes a row."""


@pytest.fixture(scope="module")
def start(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the commands read, and a finished benchmark."""
    folder = tmp_path_factory.mktemp("finished") / "start"
    shutil.copytree(start, folder)
    assert Running(attend, *BENCHMARK, folder=folder).ended().code == 0
    return folder


def require_line(ended: Ended) -> str:
    """Asserts that a command ended in one line, and returns it."""
    assert (ended.code, ended.tracebacks) == (1, 0), ended.error
    (line,) = ended.lines
    return line


@pytest.mark.slow
def test_a_benchmark_keeps_its_rows(fresh: Callable[[], Path]) -> None:
    expected = timeless(rows_in(fresh() / STORE))
    generator, lost, kept = random.Random(0), 0, 0
    for size in (0, 4096, *(generator.randrange(SHARED_MEMORY, 260_000) for _ in range(6))):
        folder = fresh()
        for file in folder.glob(f"{STORE}*"):
            file.unlink()
        ended = Running(attend, *BENCHMARK, folder=folder, setup=full_disk(size)).ended()
        if ended.code:
            assert STORE in require_line(ended)
        before = rows_in(folder / STORE)
        again = Running(attend, *BENCHMARK, folder=folder).ended()
        assert (again.code, again.tracebacks) == (0, 0), again.error
        found = rows_in(folder / STORE)
        lost += sum(found.get(at) != row for at, row in before.items())
        kept += len(before)
        assert timeless(found) == expected
    sys.stdout.write(f"full disk under a store: 8 runs, {kept} rows kept, {lost} lost\n")
    assert lost == 0
    assert 0 < kept < 8 * ROWS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "output"), [(REPORT, PAGE), (RESULTS, TABLE)], ids=["report", "results"]
)
@pytest.mark.parametrize("size", [0, 1000])
def test_a_page_or_table_stays_as_it_was(
    arguments: tuple[str, ...], output: str, size: int, fresh: Callable[[], Path]
) -> None:
    folder = fresh()
    (folder / output).write_text("old")
    names = {path.name for path in folder.iterdir()}
    require_line(Running(attend, *arguments, folder=folder, setup=full_disk(size)).ended())
    assert (folder / output).read_text() == "old"
    assert not [
        path.name for path in folder.iterdir() if path.name not in names and "tmp" in path.name
    ]
    assert Running(attend, *arguments, folder=folder).ended().code == 0
    assert (folder / output).stat().st_size > 1000


def save_or_say() -> None:
    """Saves a structure, and prints the line of an error as a command does."""
    victim = wrapper_for("victim").victim
    try:
        victim.save_structure(SAVED, TEXT, structure_of(1))
    except AttendError as error:
        sys.exit(f"Error: {error}")


def structure_of(layer: int) -> Structure:
    shape = wrapper_for("victim").victim.empty_structure(TEXT).shape
    return Structure.whole(shape, [(layer, 0)])


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 100, 1000])
def test_a_structure_file_stays_as_it_was(
    size: int, fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fresh()
    monkeypatch.chdir(folder)
    wrapper_for("victim").victim.save_structure(SAVED, TEXT, structure_of(0))
    require_line(Running(save_or_say, folder=folder, setup=full_disk(size)).ended())
    kept = load(folder / SAVED).structure.units.tolist()
    assert kept == structure_of(0).units.tolist()
    assert Running(save_or_say, folder=folder).ended().code == 0
    assert load(folder / SAVED).structure.units.tolist() == structure_of(1).units.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 2000, 30_000, 60_000, 100_000])
def test_a_training_goes_on_once_there_is_room(size: int, fresh: Callable[[], Path]) -> None:
    folder = fresh()
    require_line(Running(attend, *TRAIN, folder=folder, setup=full_disk(size)).ended())
    again = Running(attend, *TRAIN, folder=folder).ended()
    assert (again.code, again.tracebacks) == (0, 0), again.error
    assert not (folder / "trained" / "checkpoints").exists()
