"""A trial: something that a user does, and what must come of it: an answer, or one line.

The trials of one subject stand in one table, ``TRIALS`` of ``tests/trials/test_SUBJECT.py``.
``pytest -m trial`` runs all of them, and its last line says how many there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from textattack_attend.commands.main import main
from textattack_attend.errors import AttendError
from tools.__main__ import main as tools

UNEXPECTED = object()


class CommandRefusedError(AttendError):
    """The command line refused its input; the message is the line that it printed."""


@dataclass(frozen=True)
class Trial:
    """Something that a user does, and what must come of it.

    Args:
        name: says in a few words what is tried.
        run: does it in an empty folder and returns the answer.
        answer: the right answer, where there is one.
        line: where the input has to be refused, a regular expression for the one line that does so.
        reported: the public reports of users of similar tools, as ``TextAttack #651``.
    """

    name: str
    run: Callable[[Path], Any]
    answer: Any = UNEXPECTED
    line: str = ""
    reported: str = ""

    def check(self, folder: Path) -> None:
        """Run the trial and assert its outcome; any other exception is a traceback, and fails."""
        assert bool(self.line) != (self.answer is not UNEXPECTED), "a trial has one outcome"
        if not self.line:
            assert self.run(folder) == self.answer
            return
        with pytest.raises(AttendError) as refusal:
            self.run(folder)
        said = str(refusal.value)
        assert "\n" not in said, f"more than one line: {said}"
        assert re.search(self.line, said), f"another line: {said}"


def table(trials: list[Trial]) -> pytest.MarkDecorator:
    """Parametrizes a test with trials; their names are the ids."""
    return pytest.mark.parametrize("trial", trials, ids=lambda trial: trial.name)


def command(*arguments: object) -> str:
    """Returns what ``textattack-attend``, or ``python -m tools``, prints in this process.

    Raises:
        CommandRefusedError: it ended with an error line.
        Exception: whatever the command raised; on a terminal that would be a traceback.
    """
    program = main if arguments[0] in main.commands else tools
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    if result.exit_code:
        lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, f"expected one line that begins with Error:, got {result.output}"
        raise CommandRefusedError(lines[0].removeprefix("Error: "))
    return result.output
