"""Long runs and large stores: 2,000 attacks leak nothing, and 20,000 rows make a page."""

from __future__ import annotations

import gc
import re
import resource
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.models.wrappers import wrapper_for

from ..conftest import random_texts
from ..helpers.jobs import BENCHMARK, REPORT, ROWS, write_all
from ..helpers.limits import MEBIBYTE
from ..helpers.processes import Running, attend

WARM, ATTACKS = 400, 2000
LEAK_MEBIBYTES = 16
"""The most memory that the attacks after the warm ones may leave, 10 kB for each, as TextAttack
keeps what the victim answered to a text."""
LARGE = 20_000
PAGE_MEBIBYTES = 600
"""The most address space that the report of a large store may take beyond the libraries."""
EXAMPLES = """
insert into examples
with recursive times(n) as (select 1 union all select n + 1 from times where n < ?)
select {columns} from examples, times
"""


def resident() -> int:
    """Bytes of this process that lie in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def attack_often() -> None:
    """Attacks many texts, and prints by how many bytes the process has grown in the meantime."""
    wrapper = wrapper_for("victim")
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.1, max_layers=1, max_heads=1)
    before = 0
    for number, text in enumerate(random_texts(ATTACKS, seed=7)):
        if number == WARM:
            before = resident()
        attack.attack(text, int(wrapper.victim.logits([text]).argmax()))
    sys.stdout.write(f"grown {resident() - before}\n")


@pytest.mark.slow
def test_many_attacks_leak_nothing(tmp_path: Path, vocabulary: Path) -> None:
    write_all(tmp_path, vocabulary)
    ended = Running(attack_often, folder=tmp_path).ended()
    found = re.search(r"grown (-?\d+)", ended.output)
    assert found, ended.error
    grown = int(found[1]) / MEBIBYTE
    sys.stdout.write(f"{ATTACKS - WARM} attacks after {WARM}: grown by {grown:.1f} MiB\n")
    assert grown < LEAK_MEBIBYTES


def enlarge(store: Path) -> None:
    """Repeats the rows of a finished run at further positions."""
    with closing(sqlite3.connect(store)) as database, database:
        names = [row[1] for row in database.execute("pragma table_info(examples)")]
        (size,) = database.execute("select size from runs").fetchone()
        columns = ", ".join(f"position + n * {size}" if n == "position" else n for n in names)
        database.execute(EXAMPLES.format(columns=columns), [LARGE // ROWS - 1])
        database.execute("update runs set size = ?", [LARGE // 2])
        assert database.execute("select count(*) from examples").fetchone() == (LARGE,)


def limit_memory(size: int) -> None:
    """Limits the address space to so many bytes beyond what the process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@pytest.mark.slow
def test_a_store_of_many_rows_makes_a_page(tmp_path: Path, vocabulary: Path) -> None:
    write_all(tmp_path, vocabulary)
    assert Running(attend, *BENCHMARK, folder=tmp_path).ended().code == 0
    enlarge(tmp_path / "rows.sqlite")
    setup = partial(limit_memory, PAGE_MEBIBYTES * MEBIBYTE)
    ended = Running(attend, *REPORT, folder=tmp_path, setup=setup).ended()
    assert (ended.code, ended.tracebacks) == (0, 0), ended.error
    page = (tmp_path / "page.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert re.search(rf"{LARGE}|{LARGE:,}", page)
