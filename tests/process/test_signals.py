"""SIGINT and SIGTERM at many moments of a command: one line, no traceback, and it can go on."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from textattack_attend.benchmark import Results, Store

from ..helpers.jobs import ATTACK, BENCHMARK, TRAIN
from ..helpers.processes import Ended, Moment, Running, after, attend, once_there, textattack

MOMENTS = 10
GOES_ON = "Error: interrupted; the same command goes on from here"
BEGINS_ANEW = "the same command begins anew"
RESUME = re.compile(r"`textattack (attack-resume --checkpoint-file \S+)` goes on from there")


@dataclass(frozen=True)
class Job:
    """A command to interrupt.

    Args:
        call: the program.
        arguments: its arguments.
        appears: a path that it makes when it is about half done.
        said: matches the line of an interrupt.
        code: returns the exit code for a signal.
        result: returns what came out, from the folder and from what it printed last.
    """

    call: Callable[..., None]
    arguments: tuple[str, ...]
    appears: str
    said: str
    code: Callable[[signal.Signals], int]
    result: Callable[[Path, str], object]

    def is_done(self, folder: Path, output: str) -> bool:
        """Returns whether its result is there."""
        try:
            return bool(self.result(folder, output))
        except (ValueError, OSError):
            return False

    def run(self, folder: Path) -> Ended:
        """Runs the command to its end."""
        return Running(self.call, *self.arguments, folder=folder).ended()

    def go_on(self, folder: Path, line: str) -> Ended:
        """Goes on as the line of an interrupt says."""
        resume = RESUME.search(line)
        arguments = resume[1].split() if resume else self.arguments
        return Running(self.call, *arguments, folder=folder).ended()


def rows(folder: Path, output: str) -> int:
    return len(Results.of(Store(folder / "rows.sqlite")).rows)


def weights(folder: Path, output: str) -> bytes:
    return (folder / "trained" / "model.safetensors").read_bytes()


def last_table(folder: Path, output: str) -> list[str]:
    """The summary that TextAttack printed at its end."""
    lines = output[output.rindex("Attack Results") :].splitlines()
    return [line for line in lines if line.startswith("|")]


JOBS = {
    "benchmark": Job(attend, BENCHMARK, "rows.sqlite.locks", GOES_ON, lambda number: 1, rows),
    "train": Job(attend, TRAIN, "trained/checkpoints/*6*", GOES_ON, lambda number: 1, weights),
    "textattack attack": Job(
        textattack,
        ATTACK,
        "saved/*",
        r"textattack: interrupted (before an example was attacked|after \d+ examples); "
        f"(with --ch|--num-examples-offset|{BEGINS_ANEW}|`textattack attack-resume)",
        lambda number: 128 + number,
        last_table,
    ),
}


def interrupted(
    job: Job, fresh: Callable[[], Path], number: signal.Signals, wait: Callable[[float], Moment]
) -> tuple[Path, Ended]:
    """Interrupts a command at a moment, or earlier where it came to its end before."""
    for earlier in (1, 0.6, 0.4, 0.2, 0):
        running = Running(job.call, *job.arguments, folder=fresh())
        wait(earlier)(running)
        running.send(number)
        ended = running.ended()
        assert ended.tracebacks == 0, ended.error
        # A signal that comes after the command has done all meets a Python that shuts down.
        if ended.code and not (ended.code == -number and job.is_done(running.folder, ended.output)):
            return running.folder, ended
    raise AssertionError(f"it ended before it was interrupted: {ended}")


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_a_signal_is_one_line_and_the_command_goes_on(name: str, fresh: Callable[[], Path]) -> None:
    job = JOBS[name]
    job.run(fresh())  # the first of a process loads what is not loaded yet
    whole, begun = fresh(), time.monotonic()
    ended = job.run(whole)
    assert ended.code == 0
    seconds, expected = time.monotonic() - begun, job.result(whole, ended.output)
    seen: Counter[str] = Counter()
    for moment in range(MOMENTS):
        number = (signal.SIGINT, signal.SIGTERM)[moment % 2]
        share = moment / MOMENTS
        if moment % 4 > 1:
            wait = partial(_soon_after, job.appears, 0.1 * share)
        else:
            wait = partial(_late, share * seconds)
        folder, ended = interrupted(job, fresh, number, wait)
        assert ended.code == job.code(number), (ended.code, ended.error)
        (line,) = ended.lines
        assert re.match(job.said, line), line
        seen[f"{number.name}: {line[:60]}"] += 1
        again = job.go_on(folder, line)
        assert (again.code, again.tracebacks) == (0, 0), again.error
        assert job.result(folder, again.output) == expected
    sys.stdout.write(f"{name}: {dict(seen)}\n")


def _late(seconds: float, share: float) -> Moment:
    return after(0.05 + share * seconds)


def _soon_after(pattern: str, seconds: float, share: float) -> Moment:
    return once_there(pattern, share * seconds)
