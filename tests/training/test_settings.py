"""The settings of a training: one record behind command line, Python, tasks and cards."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from textattack_attend.checkpoints.card import Card
from textattack_attend.commands.train import train
from textattack_attend.errors import InvalidInputError
from textattack_attend.training.settings import Settings
from textattack_attend.training.tasks import TASKS

NAMES = [own.name for own in dataclasses.fields(Settings)]


def test_every_setting_is_an_option_with_help_and_an_entry_of_the_card() -> None:
    options: dict[str, Any] = {option.name or "": option for option in train.params}
    entries = {own.name for own in dataclasses.fields(Card)}
    assert NAMES
    for own in dataclasses.fields(Settings):
        assert own.name in entries
        assert options[own.name].help == own.metadata["help"]
        assert options[own.name].opts == [f"--{own.name.replace('_', '-')}"]


def test_settings_that_are_not_given_are_those_of_the_task() -> None:
    task = TASKS["dream"]
    assert list(task.settings()) == NAMES
    assert task.given(**dict.fromkeys(NAMES)) == task
    other = task.given(epochs=1, seed=None, precision="bfloat16", config={"a": 1})
    changes: dict[str, Any] = {"epochs": 1, "precision": "bfloat16", "config": {"a": 1}}
    assert other == dataclasses.replace(task, **changes)
    assert other.settings() == task.settings() | changes
    assert task.given(max_tokens=3).max_tokens == 3


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"epoch": 1}, "epoch: there is no such setting of a training.*epochs"),
        ({"name": "another"}, "name: there is no such setting of a training"),
        ({"learning_rate": 0.0}, "learning_rate: expected a finite number above 0, got 0"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, got 0"),
        ({"max_tokens": 2}, "max_tokens: expected 3 or more, got 2"),
        ({"seed": -1}, "seed: expected a whole number from 0 to"),
        ({"precision": "float16"}, "precision: expected one of float32, bfloat16, got 'float16'"),
    ],
)
def test_settings_that_are_refused(given: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        TASKS["sst2"].given(**given)
