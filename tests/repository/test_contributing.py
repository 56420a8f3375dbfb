"""The page for contributors keeps its word: its files, written where it says, do what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
FILES = re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    line.removeprefix("textattack-attend ").split()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
RUN = """
import sys
from textattack_attend.commands.main import main
for line in sys.argv[1:]:
    main(line.split(), standalone_mode=False)
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the files of the page, none of which replaces one of ours."""
    folder = tmp_path_factory.mktemp("clone")
    unneeded = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "textattack_attend", folder / "textattack_attend", ignore=unneeded)
    shutil.copy(ROOT / "_textattack_attend_plugin.py", folder)
    for path, content in FILES:
        assert not (ROOT / path).exists()
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return folder


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python on the copied package, in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def test_every_kind_has_a_file_and_a_test() -> None:
    paths = [path for path, _ in FILES]
    assert PAGE.count("```python") == len(paths)
    sections = [section for section in PAGE.split("\n## ") if "```python" in section]
    assert len(paths) == 2 * len(sections)
    for source, test in zip(paths[::2], paths[1::2], strict=True):
        assert source.startswith("textattack_attend/")
        assert test.startswith("tests/")


def test_the_tests_of_the_page_pass(clone: Path) -> None:
    tests = [path for path, _ in FILES if path.startswith("tests/")]
    done = run_in(clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_commands_of_the_page_know_the_new_names(clone: Path) -> None:
    done = run_in(clone, "-c", RUN, *map(" ".join, COMMANDS))
    assert done.returncode == 0, done.stderr[-4000:]
    for name in (
        "weighted_gradient",
        "hackattend-one-layer",
        "two-passes",
        "labels-first",
        "outcomes",
        "units",
    ):
        assert re.search(rf"^  {name}( |$)", done.stdout, re.MULTILINE)
    assert "  confidence lost " in done.stdout
    assert "Options of --defense two-passes: --share FLOAT Share of the first pass" in " ".join(
        done.stdout.split()
    )


def test_the_files_of_the_page_are_written_as_ours_are(clone: Path) -> None:
    """ruff, where it is installed, finds nothing: neither mistakes nor other formatting."""
    ruff = shutil.which("ruff", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if ruff is None:
        pytest.skip("ruff is missing; CI has it")
    files = [path for path, _ in FILES]
    shutil.copy(ROOT / "pyproject.toml", clone)
    for arguments in (["check"], ["format", "--diff"]):
        done = subprocess.run(
            [ruff, *arguments, *files], cwd=clone, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
