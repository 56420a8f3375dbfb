"""Several processes on one store: nothing is attacked twice, and a dead one holds up nobody."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from textattack_attend.benchmark import Results, Store, read_recipe
from textattack_attend.benchmark.claims import Claims
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.errors import StoreError

from ..helpers.unprivileged import unprivileged

RECIPE = """
data: attend-demo
examples: 6
victims:
  demo: attend-demo
attacks:
  HackAttend: {recipe: hackattend, options: {max_layers: 1, max_heads: 1}}
  words: attacks.py^noted
"""
ATTACKS = '''
import os
import time
from pathlib import Path

from textattack.attack_recipes import DeepWordBugGao2018

class Noted:
    """Notes every text that it attacks, and who did."""
    def __init__(self, attack):
        self.own = attack.attack

    def __call__(self, example, label):
        with Path(__file__).with_name("attacked").open("a") as file:
            file.write(f"{os.getpid()} {example.text}\\n")
        time.sleep(float(os.environ.get("NAP", "0")))
        return self.own(example, label)

def noted(wrapper):
    attack = DeepWordBugGao2018.build(wrapper)
    attack.attack = Noted(attack)
    return attack
'''
HOLDER = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "attacks.py").write_text(ATTACKS)
    return tmp_path


def benchmark_of(folder: Path) -> Benchmark:
    return Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "store.sqlite"))


def kill_once_it_is_waited_for(
    process: subprocess.Popen[str], caplog: pytest.LogCaptureFixture
) -> None:
    until = time.monotonic() + 60
    while "waits for it" not in caplog.text and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)  # it is waited for several times by now, and said once
    process.send_signal(signal.SIGKILL)


@contextmanager
def holding(benchmark: Benchmark, cell: str) -> Iterator[subprocess.Popen[str]]:
    """Another process attacks a cell of a store."""
    locks = Path(f"{benchmark.store.path}.locks")
    locks.mkdir(exist_ok=True)
    command = [sys.executable, "-c", HOLDER, str(locks / f"{cell}.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        benchmark.store.write_down(cell, process.pid, "elsewhere")
        yield process
        process.kill()


def test_a_run_waits_for_another_says_so_once_and_takes_over_from_the_dead(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    benchmark = benchmark_of(folder)
    (first, _), _ = benchmark._entries({})
    order: list[str] = []
    original = benchmark.store.add

    def noting(cell: str, row: Any) -> None:
        order.append(cell)
        original(cell, row)

    benchmark.store.add = noting  # type: ignore[method-assign]
    with holding(benchmark, first.cell) as process, caplog.at_level(logging.WARNING):
        threading.Thread(target=kill_once_it_is_waited_for, args=[process, caplog]).start()
        assert benchmark.run() == 12
    assert list(dict.fromkeys(order))[-1] == first.cell, "the free cell comes first"
    said = [record.getMessage() for record in caplog.records if "waits for it" in record.message]
    assert len(said) == 1
    assert f"process {process.pid} on elsewhere has attacked the cell {first.cell} since" in said[0]
    assert len(Results.of(benchmark.store).rows) == 12
    assert not Path(f"{benchmark.store.path}.locks").exists()
    assert benchmark.run() == 0


def test_what_another_process_did_while_a_run_waited_is_not_done_again(folder: Path) -> None:
    whole = benchmark_of(folder)
    whole.run()
    (first, _), _ = whole._entries({})
    rows = whole.store.rows([first.cell], 6)
    shared = Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "other.sqlite"))

    def finish(process: subprocess.Popen[str]) -> None:
        from textattack_attend.benchmark.row import Row

        other = Store(folder / "other.sqlite")
        for fields in rows.drop(columns="cell").astype(object).to_dict("records"):
            known: dict[str, Any] = {k: None if v != v else v for k, v in fields.items()}
            other.add(first.cell, Row(**known))
        other.close()
        process.kill()

    with holding(shared, first.cell) as process:
        threading.Timer(1, finish, [process]).start()
        assert shared.run() == 6
    assert len(Results.of(shared.store).rows) == 12


def test_a_claim_is_released_by_an_exception(tmp_path: Path) -> None:
    claims = Claims(Store(tmp_path / "store.sqlite"))

    def interrupted() -> None:
        with claims.if_free("cell") as claimed:
            assert claimed
            with Claims(Store(tmp_path / "store.sqlite")).if_free("cell") as again:
                assert not again
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / "store.sqlite.locks").exists()
    with claims.if_free("cell") as claimed:
        assert claimed


def test_a_run_deletes_what_killed_processes_left(folder: Path) -> None:
    benchmark = benchmark_of(folder)
    benchmark.run()
    (first, _), (second, _) = benchmark._entries({})
    locks = folder / "store.sqlite.locks"
    with holding(benchmark, first.cell):
        (locks / f"{second.cell}.lock").touch()  # its process was killed after the last row
        assert benchmark.run() == 0
        assert [path.name for path in locks.iterdir()] == [f"{first.cell}.lock"]
    assert benchmark.run() == 0
    assert not locks.exists()


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside, most = 0, 0
    counting = threading.Lock()

    def work(number: int) -> None:
        nonlocal inside, most
        claims = Claims(Store(tmp_path / "store.sqlite"))
        for _ in range(3):
            with claims.once_free("cell"):
                with counting:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with counting:
                    inside -= 1

    Store(tmp_path / "store.sqlite").close()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # raises what one of them raised
    assert (inside, most) == (0, 1)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    tmp_path.chmod(0o555)
    with unprivileged():
        assert "Permission denied" in refusal_of_the_locks(store)
    tmp_path.chmod(0o755)


def test_what_stands_in_the_place_of_the_locks_is_one_line_and_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    locks = tmp_path / "store.sqlite.locks"
    locks.write_text("a file")
    assert "delete what is in its place" in refusal_of_the_locks(store)
    assert locks.read_text() == "a file"
    locks.unlink()
    locks.mkdir()
    (locks / "cell.lock").mkdir()
    refusal_of_the_locks(store)
    (locks / "cell.lock").rmdir()
    (tmp_path / "of the user").write_text("not to be emptied")
    (locks / "cell.lock").symlink_to(tmp_path / "of the user")
    refusal_of_the_locks(store)
    assert (tmp_path / "of the user").read_text() == "not to be emptied"


def refusal_of_the_locks(store: Store) -> str:
    with pytest.raises(StoreError, match="expected a folder for the locks") as caught:
        Claims(store).if_free("cell").__enter__()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_lock_that_a_killed_process_left_holds_up_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    locks = tmp_path / "store.sqlite.locks"
    locks.mkdir()
    (locks / "cell.lock").write_text("left")
    with Claims(store).if_free("cell") as claimed:
        assert claimed
    assert not locks.exists()


def test_a_link_to_a_store_shares_its_locks(tmp_path: Path) -> None:
    claims = Claims(Store(tmp_path / "store.sqlite"))
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "store.sqlite")
    with claims.if_free("cell") as claimed:
        assert claimed
        with Claims(Store(tmp_path / "link.sqlite")).if_free("cell") as again:
            assert not again


# --- real processes ---

COMMAND = [sys.executable, "-c", "from textattack_attend.commands.main import main; main()"]


def begin(folder: Path, nap: float) -> subprocess.Popen[str]:
    arguments = ["benchmark", str(folder / "recipe.yaml"), "--store", str(folder / "store.sqlite")]
    environment = {**os.environ, "NAP": str(nap)}
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def attacked(folder: Path) -> list[tuple[str, str]]:
    """Process and text of every attack on words, in order, but for each process's rehearsal."""
    file = folder / "attacked"
    lines = file.read_text().splitlines() if file.exists() else []
    rehearsed: set[str] = set()
    found = []
    for pid, _, text in (line.partition(" ") for line in lines):
        if pid in rehearsed:
            found.append((pid, text))
        rehearsed.add(pid)
    return found


@pytest.mark.slow
def test_two_processes_share_a_recipe_and_both_end_with_the_whole_table(folder: Path) -> None:
    processes = [begin(folder, 0.2) for _ in range(2)]
    printed = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    texts = [text for _, text in attacked(folder)]
    assert Counter(texts).most_common(1)[0][1] == 1
    tables = {out for out, _ in printed}
    assert len(tables) == 1
    assert len(Results.of(Store(folder / "store.sqlite")).rows) == 12
    assert not (folder / "store.sqlite.locks").exists()


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_its_cell_to_the_other(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.replace("examples: 6", "examples: 20"))
    doomed = begin(folder, 0.5)
    while len(attacked(folder)) < 3:
        assert doomed.poll() is None
        time.sleep(0.05)
    other = begin(folder, 0)
    time.sleep(15)  # so that it waits
    doomed.kill()
    doomed.communicate()
    out, err = other.communicate(timeout=300)
    assert other.returncode == 0, err
    assert "| words" in out
    rows = Results.of(Store(folder / "store.sqlite")).rows
    assert len(rows) == 40
    assert not rows.duplicated(["attack", "position"]).any()
    assert not (folder / "store.sqlite.locks").exists()
    by_process = Counter(pid for pid, _ in attacked(folder))
    assert by_process[str(doomed.pid)] + by_process[str(other.pid)] in (20, 21)
