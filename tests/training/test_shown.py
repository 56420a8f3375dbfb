"""A training shows its steps, the loss and the accuracy on standard error."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from textattack_attend.training.shown import ShownTraining

from ..process.test_progress import Terminal

ARGUMENTS: Any = SimpleNamespace(num_train_epochs=2)
CONTROL: Any = None


def state(step: int, *, first: bool = True) -> Any:
    return SimpleNamespace(
        global_step=step, max_steps=8, epoch=step / 4, is_world_process_zero=first
    )


def train(shown: ShownTraining, *, first: bool = True) -> None:
    """Goes on with a training at step 2, and ends it after the first epoch."""
    shown.on_train_begin(ARGUMENTS, state(2, first=first), CONTROL)
    for step in (3, 4):
        shown.on_step_end(ARGUMENTS, state(step, first=first), CONTROL)
    shown.on_log(ARGUMENTS, state(4, first=first), CONTROL, logs={"loss": 0.25})
    metrics = {"eval_accuracy": 0.875, "eval_runtime": 2.2}
    shown.on_evaluate(ARGUMENTS, state(4, first=first), CONTROL, metrics=metrics)
    shown.close()


def test_a_log_says_where_the_training_is(capsys: pytest.CaptureFixture[str]) -> None:
    train(ShownTraining("training on sst2", 40))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "2 of 8 steps are done already",
        "training on sst2: 2 of 8",
        "epoch 1 of 2: dev accuracy 87.5% on 40 texts (2 s)",
    ]


def test_the_line_of_an_error_does_not_stand_inside_the_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    train(ShownTraining("training on sst2", 40))
    *_, blank, end = terminal.getvalue().split("\r")
    assert "training on sst2:" in terminal.getvalue()
    assert (blank.strip(), end) == ("", "")


def test_other_processes_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    train(ShownTraining("training on sst2", 40), first=False)
    assert capsys.readouterr().err == ""
