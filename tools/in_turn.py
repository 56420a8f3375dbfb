"""Times an attack with the package of another commit and with this one, in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textattack_attend.analysis.example import Example
from textattack_attend.errors import InvalidInputError

from .speed_victims import SpeedVictim

HERE = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("answering.py")
DECISIONS = ("outcome", "units")


@dataclass(frozen=True)
class InTurn:
    """The times of one example.

    Args:
        seconds: the processor's seconds with this package.
        other_seconds: those with the package of the other commit.
        outcome: the class of the result.
        queries: the number of structures that this package evaluated.
        differs: whether the two found another outcome or other units.
    """

    seconds: float
    other_seconds: float
    outcome: str
    queries: int
    differs: bool


def in_turn(
    other: Path, checkpoint: Path, victim: SpeedVictim, recipe: str, examples: Sequence[Example]
) -> Iterator[InTurn]:
    """Attacks each example with both packages, one after the other, each in a process of its own.

    Args:
        other: the working tree of the other commit.
        checkpoint: the folder of the victim.
        victim: the victim.
        recipe: the name of the attack's class in ``textattack_attend.attack_recipes``.
        examples: the examples.
    """
    with ExitStack() as both:
        ours, theirs = (
            both.enter_context(_started(tree, checkpoint, victim, recipe)) for tree in (HERE, other)
        )
        for number, example in enumerate(examples):
            # Neither is always the first: a machine may be slower a little later.
            order = (ours, theirs) if number % 2 else (theirs, ours)
            answers = {process: _asked(process, example) for process in order}
            mine, their = answers[ours], answers[theirs]
            yield InTurn(
                mine["seconds"],
                their["seconds"],
                mine["outcome"],
                mine["queries"],
                any(mine[name] != their[name] for name in DECISIONS),
            )


def _started(
    tree: Path, checkpoint: Path, victim: SpeedVictim, recipe: str
) -> subprocess.Popen[str]:
    # A plugin that is installed belongs to one of the two trees only.
    environment = os.environ | {"PYTHONPATH": str(tree), "TEXTATTACK_ATTEND_PLUGIN": "0"}
    prompt = victim.prompt and [victim.prompt.template, victim.prompt.label_words]
    options = json.dumps({"prompt": prompt, "max_tokens": victim.max_tokens})
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(checkpoint), options, recipe],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _asked(process: subprocess.Popen[str], example: Example) -> dict[str, Any]:
    text, label = example
    columns = list(text.items()) if isinstance(text, Mapping) else text
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([columns, label]) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise InvalidInputError(
            "the other process ended; expected an answer: see its message above"
        )
    found: dict[str, Any] = json.loads(line)
    return found
