"""Progress: a bar in a terminal, lines in a log, and nothing on standard output."""

from __future__ import annotations

import io
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from textattack_attend.process import progress
from textattack_attend.process.progress import Lines, bar, say, spoken, watched


class Terminal(io.StringIO):
    """A terminal that keeps everything that is written on it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that the test sets."""
    time = SimpleNamespace(now=100.0)
    monkeypatch.setattr("time.monotonic", lambda: time.now)
    return time


def test_a_log_gets_a_line_at_once_and_then_every_half_minute(
    clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = bar("HackAttend on\n plain", 40, 10)
    for _ in range(12):
        clock.now += 10
        shown.set_postfix_str("ASR 50.0%")
        shown.update()
    shown.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "HackAttend on plain: 10 of 40",
        "HackAttend on plain: 13 of 40, 5 min left, ASR 50.0%",  # 27 that take 10 s: 270 s
        "HackAttend on plain: 16 of 40, 4 min left, ASR 50.0%",
        "HackAttend on plain: 19 of 40, 4 min left, ASR 50.0%",  # 210 s
        "HackAttend on plain: 22 of 40, 3 min left, ASR 50.0%",
    ]


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(watched(iter("abc"), 3, "texts")) == ["a", "b", "c"]
    shown = terminal.getvalue()
    assert "texts:   0%|" in shown
    assert "| 0 of 3, ? left" in shown
    assert "\n" not in shown
    assert shown.split("\r")[-1] == ""
    assert not shown.split("\r")[-2].strip()


def test_a_notebook_gets_its_own_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    from tqdm.auto import tqdm as of_notebooks

    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={"IPKernelApp": {}}))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    assert progress.kind_of_bar() is of_notebooks
    terminal = SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={}))
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert progress.kind_of_bar() is Lines


def test_a_log_that_cannot_be_written_ends_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr(sys, "stderr", stream)
        say("a line")
        shown = Lines(3)
        shown.update()
        shown.close()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min"),
        (3599, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_duration_is_spoken(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_the_libraries_are_announced_once_and_only_by_a_command_that_loads_them() -> None:
    code = (
        "from textattack_attend.process.progress import announced_imports\n"
        "import sys\n"
        "with announced_imports():\n"
        "    import json\n"
        "before = list(sys.meta_path)\n"
        "with announced_imports():\n"
        "    print('begin')\n"
        "    import torch, torch.nn\n"
        "assert sys.meta_path == before\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert (done.stdout, done.stderr) == ("begin\n", "loading the libraries\n")
