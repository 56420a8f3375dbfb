"""Commands that are killed, and begun again: nothing is lost, and nothing is half.

A command is killed at a drawn moment, as something appears in its folder, or in the middle of
writing a file. Then the same command runs to its end, which is that of an undisturbed run.
"""

from __future__ import annotations

import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest

from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import Structure, load

from ..helpers.jobs import BENCHMARK, REPORT, ROWS, TRAIN
from ..helpers.processes import (
    Ended,
    Moment,
    Running,
    Setup,
    after,
    attend,
    death_in_writing,
    once_there,
)
from ..helpers.stored_rows import rows_in, timeless

Fresh = Callable[[], Path]
Kill = tuple[Moment | None, Setup | None]
"""When a command is killed: at a moment, or by what its process was prepared with."""
DEADLY = (-signal.SIGKILL, -signal.SIGXFSZ)
SHARED_MEMORY = 32_768
"""Bytes of the file that SQLite maps before it writes a row."""
STORE, PAGE, SAVED = "rows.sqlite", "page.html", "saved.safetensors"


@dataclass
class Outcome:
    """Counts of what kills left behind; everything but the kills and the rows must be 0.

    Args:
        job: what was killed.
        kills: how often it was killed.
        rows: rows that the store had at the kills, together.
        lost: such rows that the store had no more, or otherwise, in the end.
        half: files that were neither the old one nor a new one.
        refused: commands that did not run to their end afterwards.
        other: runs with another result than the undisturbed one.
        left: runs after which files of the killed one lay about.
        tracebacks: tracebacks that were printed.
    """

    job: str
    kills: int = 0
    rows: int = 0
    lost: int = 0
    half: int = 0
    refused: int = 0
    other: int = 0
    left: int = 0
    tracebacks: int = 0

    def resumed(self, again: Ended) -> bool:
        """Counts the run after a kill, and returns whether it came to its end."""
        self.tracebacks += again.tracebacks
        self.refused += again.code != 0
        return again.code == 0

    def note_left(self, folder: Path, whole: Path) -> None:
        """Counts a folder that has other files than that of a run that was not killed."""
        names, expected = ({path.name for path in one.iterdir()} for one in (folder, whole))
        self.left += names != expected
        if names != expected:
            sys.stdout.write(f"{self.job}: other files: {sorted(names ^ expected)}\n")

    def require(self, kills: int) -> None:
        """Prints the numbers, and asserts that nothing went wrong."""
        said = ", ".join(f"{value} {name}" for name, value in list(vars(self).items())[1:])
        sys.stdout.write(f"{self.job}: {said}\n")
        wrong = (self.lost, self.half, self.refused, self.other, self.left, self.tracebacks)
        assert self.kills == kills, said
        assert not any(wrong), said


def killed(kills: int, draw: Iterator[Kill], begin: Callable[[Setup | None], Running]) -> Any:
    """Begins runs, and yields the folder of each that was killed, until there are enough."""
    found = 0
    for moment, setup in draw:
        running = begin(setup)
        if moment is not None:
            moment(running)
            running.send(signal.SIGKILL)
        ended = running.ended()
        assert ended.tracebacks == 0, ended.error
        if ended.code not in DEADLY:  # it came to its end before
            continue
        yield running.folder
        found += 1
        if found == kills:
            return


def seconds_of(command: Sequence[str], folder: Path) -> float:
    """Runs a command to its end, and returns how long it took once its process was ready."""
    running = Running(attend, *command, folder=folder)
    begun = time.monotonic()
    assert running.ended().code == 0
    return time.monotonic() - begun


def in_turn(generator: random.Random, *kinds: Callable[[random.Random], Kill]) -> Iterator[Kill]:
    """Draws kills of some kinds in turn, without end."""
    for kind in cycle(kinds):
        yield kind(generator)


def at_some_time(seconds: float) -> Callable[[random.Random], Kill]:
    """Draws kills within some seconds."""
    return lambda generator: (after(generator.uniform(0, seconds)), None)


def soon_after(*patterns: str) -> Callable[[random.Random], Kill]:
    """Draws kills within 20 milliseconds of the appearance of something."""
    return lambda generator: (
        once_there(generator.choice(patterns), generator.choice([0, generator.uniform(0, 0.02)])),
        None,
    )


def in_a_write(smallest: int, largest: int) -> Callable[[random.Random], Kill]:
    """Draws kills as a file grows beyond a size."""
    return lambda generator: (None, death_in_writing(generator.randrange(smallest, largest)))


# --- the benchmark ---


def benchmark_survives(kills: int, fresh: Fresh) -> None:
    whole = fresh()
    seconds = seconds_of(BENCHMARK, whole)
    expected = timeless(rows_in(whole / STORE))
    assert len(expected) == ROWS
    draw = in_turn(
        random.Random(0),
        at_some_time(seconds),
        soon_after(STORE),
        in_a_write(SHARED_MEMORY, 8 * SHARED_MEMORY),
        at_some_time(seconds),
    )
    outcome = Outcome("benchmark")
    begin = lambda setup: Running(attend, *BENCHMARK, folder=fresh(), setup=setup)  # noqa: E731
    for folder in killed(kills, draw, begin):
        outcome.kills += 1
        before = rows_in(folder / STORE)
        outcome.rows += len(before)
        if outcome.resumed(Running(attend, *BENCHMARK, folder=folder).ended()):
            found = rows_in(folder / STORE)
            outcome.lost += sum(found.get(at) != row for at, row in before.items())
            outcome.other += timeless(found) != expected
            outcome.note_left(folder, whole)
    outcome.require(kills)


def test_a_killed_benchmark_loses_nothing(fresh: Fresh) -> None:
    benchmark_survives(3, fresh)


@pytest.mark.slow
def test_no_kill_of_a_benchmark_loses_a_row(fresh: Fresh) -> None:
    benchmark_survives(12, fresh)


# --- training ---


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(fresh: Fresh) -> None:
    whole = fresh()
    seconds = seconds_of(TRAIN, whole)
    weights = (whole / "trained" / "model.safetensors").read_bytes()
    steps = [f"trained/checkpoints/*{step}*" for step in (6, 12, 18)]
    draw = in_turn(
        random.Random(1),
        soon_after(*steps),
        in_a_write(500, 3 * len(weights)),  # the optimizer's file is the largest
        at_some_time(seconds),
        soon_after(*steps),
        soon_after("trained/model.safetensors", "trained/config.json"),
    )
    outcome = Outcome("train")
    begin = lambda setup: Running(attend, *TRAIN, folder=fresh(), setup=setup)  # noqa: E731
    for folder in killed(15, draw, begin):
        outcome.kills += 1
        if outcome.resumed(Running(attend, *TRAIN, folder=folder).ended()):
            outcome.other += (folder / "trained" / "model.safetensors").read_bytes() != weights
            outcome.note_left(folder / "trained", whole / "trained")
    outcome.require(15)


# --- the report ---


@pytest.mark.slow
def test_a_killed_report_is_whole_or_the_old_one(fresh: Fresh) -> None:
    folder, old = fresh(), b"an older page"
    assert Running(attend, *BENCHMARK, folder=folder).ended().code == 0
    seconds = seconds_of(REPORT, folder)
    expected = dateless((folder / PAGE).read_bytes())
    draw = in_turn(
        random.Random(2),
        in_a_write(SHARED_MEMORY, len(expected)),
        at_some_time(seconds),
        soon_after(f"*{PAGE}.*"),
    )
    outcome = Outcome("report")

    def begin(setup: Setup | None) -> Running:
        (folder / PAGE).write_bytes(old)
        return Running(attend, *REPORT, folder=folder, setup=setup)

    for _ in killed(6, draw, begin):
        outcome.kills += 1
        page = (folder / PAGE).read_bytes()
        outcome.half += page != old and dateless(page) != expected
        if outcome.resumed(Running(attend, *REPORT, folder=folder).ended()):
            outcome.other += dateless((folder / PAGE).read_bytes()) != expected
    outcome.require(6)


def dateless(page: bytes) -> bytes:
    """A page without the time at which it was made."""
    return re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC", b"", page)


# --- a structure file ---


def save_in_turn(text: str) -> None:
    """Saves two structures in turn to one file, without end."""
    victim = wrapper_for("victim").victim
    for number in count():
        victim.save_structure(SAVED, text, structure_of(victim, text, number % 2))


def structure_of(victim: Any, text: str, layer: int) -> Structure:
    return Structure.whole(victim.empty_structure(text).shape, [(layer, 0)])


def structure_file_survives(kills: int, fresh: Fresh) -> None:
    folder, text = fresh(), "the film was never quite funny"
    victim = wrapper_for(str(folder / "victim")).victim
    both = [structure_of(victim, text, layer).units.tolist() for layer in range(2)]
    victim.save_structure(folder / SAVED, text, structure_of(victim, text, 0))
    size = (folder / SAVED).stat().st_size
    draw = in_turn(random.Random(3), at_some_time(0.4), in_a_write(1, size))
    outcome = Outcome("structure file")
    begin = lambda setup: Running(save_in_turn, text, folder=folder, setup=setup)  # noqa: E731
    for _ in killed(kills, draw, begin):
        outcome.kills += 1
        found = load(folder / SAVED)
        outcome.half += found.text != text or found.structure.units.tolist() not in both
        victim.save_structure(folder / SAVED, text, structure_of(victim, text, 0))
        outcome.other += load(folder / SAVED).structure.units.tolist() != both[0]
    outcome.require(kills)


def test_a_killed_save_leaves_a_whole_structure_file(fresh: Fresh) -> None:
    structure_file_survives(2, fresh)


@pytest.mark.slow
def test_no_kill_leaves_half_of_a_structure_file(fresh: Fresh) -> None:
    structure_file_survives(8, fresh)
