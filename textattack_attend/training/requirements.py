"""Refuses what cannot be trained, or trained with, and says what to write instead."""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from ..demo import NAME, VICTIM_PATH
from ..errors import InvalidInputError, described
from .defenses import DEFENSES, Defense
from .tasks import Task, task_of


def require_task(given: Any) -> Task:
    """Returns a task, which a name may stand for.

    Raises:
        InvalidInputError: there is no such task.
    """
    if isinstance(given, Task):
        return given
    if isinstance(given, str):
        return task_of(given)
    raise InvalidInputError(
        f"task: expected the name of a task, got {_said(given)}; write 'sst2', or the columns of a "
        "table with that of the label last, as 'text,label'"
    )


def require_pretrained(given: Any) -> str:
    """Returns the folder or the name of a pretrained model as a text; attend-demo has a folder.

    Raises:
        InvalidInputError: it is something else, such as a model.
    """
    if given == NAME:
        return str(VICTIM_PATH)
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    raise InvalidInputError(
        "model: expected the folder of a pretrained model, or its name on the hub, got "
        f"{_said(given)}; save a model and its tokenizer with save_pretrained(FOLDER), and give "
        "FOLDER"
    )


def require_defense(given: Any) -> Defense:
    """Returns a defense; None stands for plain training.

    Raises:
        InvalidInputError: it is something else, such as the name of a defense.
    """
    if given is None:
        return Defense()
    if isinstance(given, Defense):
        return given
    named = isinstance(given, str) and given in DEFENSES
    example = repr(given) if named else "'s-attend', alpha=0.2"
    raise InvalidInputError(
        f"defense: expected a defense with its options, got {_said(given)}; write "
        f"defense_of({example})"
    )


def _said(given: Any) -> str:
    """Returns what was given in a few words; the `repr` of a model has hundreds of lines."""
    return f"a {type(given).__name__}" if isinstance(given, nn.Module) else described(given)
