"""The pages that show commands keep their word: every block of them runs, in order, offline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..helpers.run_page import FENCE, blocks_of

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
PAGES += [ROOT / "docs" / "quick-start.md", ROOT / "docs" / "coming-from-textattack.md"]
RUN = [page for page in PAGES if blocks_of(page.read_text(encoding="utf-8"))]
"""The pages with a block that is not marked as one that cannot run here."""
MOST_LINES = 8
TASKS = re.split(
    r"^(?=## )",
    (ROOT / "docs" / "how-to" / "five-tasks.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)[1:]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.run_page", str(page)],
        cwd=tmp_path,
        env={**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_a_title_and_no_block_that_is_left_out_by_mistake(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ")
    marks = {found[2].strip() for found in FENCE.finditer(text)}
    assert marks <= {"", "not-run"}, "a block with another mark is not run"


def test_there_are_five_tasks() -> None:
    assert [task.split()[1] for task in TASKS] == ["1.", "2.", "3.", "4.", "5."]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.split("\n")[0][3:5])
def test_a_task_has_at_most_eight_lines(task: str) -> None:
    lines = [line for block in blocks_of(task) for line in block.code.splitlines() if line.strip()]
    assert 0 < len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
