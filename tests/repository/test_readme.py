"""The README is short, prints what it says, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 200
SESSION = re.search(r"^```\n\$ (.*?[^\\])\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
"""The first session of the README: a command, and the lines that it prints."""


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_its_first_session_prints_what_it_shows(tmp_path: Path) -> None:
    assert SESSION is not None
    command, shown = SESSION.groups()
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, shown), done.stderr


def test_make_demo_runs_the_same_sentence() -> None:
    assert SESSION is not None
    (sentence,) = re.findall('"[^"]*"', SESSION[1])
    assert sentence in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)\s]+)\)", README))))
def test_a_link_leads_somewhere(link: str) -> None:
    if link.startswith("https://"):
        return
    path, _, anchor = link.partition("#")
    page = ROOT / path
    assert page.exists(), "expected a file of the repository"
    if anchor:
        headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
