"""Reads and checks what a training needs, before the weights of its model are loaded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    PretrainedConfig,
)

from ..attention.precision import training_precision
from ..checkpoints.card import CHECKPOINTS, Card
from ..data.published import Example, Source
from ..errors import InvalidInputError
from ..victims.class_names import class_names_in
from ..victims.prompt import Prompt, adopt_prompt
from .configuration import adopt_choice_encoding, configuration_of, longest_input
from .defenses import Defense
from .labels import numbered
from .learnable import require_learnable
from .tasks import Task, splits


@dataclass(frozen=True)
class Run:
    """A run that was checked as far as it can be without the weights of its model.

    Args:
        task: the task, with the settings of the run.
        defense: the training method.
        card: the card, as far as it is known.
        output: the folder for the model.
        train: the rows to train on.
        dev: the rows to judge by.
        auto: transformers' class that makes models for the task.
        configuration: the configuration of the model.
        trust_remote_code: whether to run the code that the model brings along.
    """

    task: Task
    defense: Defense
    card: Card
    output: Path
    train: list[Example]
    dev: list[Example]
    auto: Any
    configuration: PretrainedConfig
    trust_remote_code: bool

    @property
    def checkpoints(self) -> Path:
        """Returns the folder of what the training needs until it ends."""
        return self.output / CHECKPOINTS


def checked_run(
    task: Task,
    longest: int | None,
    defense: Defense,
    model: str,
    data: Source,
    output: Path,
    trust_remote_code: bool,
    label_names: Sequence[str],
) -> Run:
    """Reads the data and the configuration, and refuses what does not fit together."""
    train, dev, names = numbered(
        *splits(task, data),
        label_names,
        lambda: class_names_in(str(model), (), trust_remote_code),
        data,
    )
    if task.is_multiple_choice and names:
        raise InvalidInputError(
            "label names: expected none, as the labels are the positions of choices"
        )
    require_learnable(train, dev, data, task.is_multiple_choice)
    auto = (
        AutoModelForMultipleChoice
        if task.is_multiple_choice
        else AutoModelForSequenceClassification
    )
    classes = None if task.is_multiple_choice else 1 + max(label for _, label in train)
    configuration = configuration_of(
        str(model), auto, task.config, classes, trust_remote_code, names
    )
    adopt_choice_encoding(configuration, task)
    adopt_prompt(configuration, _prompt_of(task, classes))
    task = _within(longest_input(configuration), task, longest)
    card = _card(task, defense, model, data, label_names)
    return Run(task, defense, card, output, train, dev, auto, configuration, trust_remote_code)


def _prompt_of(task: Task, classes: int | None) -> Prompt | None:
    """Returns the prompt of a task, which has a label word for each class."""
    if not task.prompt:
        return None
    if classes is None:
        raise InvalidInputError(
            f"prompt: expected none, as the texts of {task.name} have choices; leave out prompt "
            "and label_words"
        )
    prompt = Prompt(task.prompt, tuple(task.label_words))
    if len(prompt.label_words) != classes:
        raise InvalidInputError(
            f"label_words: expected one for each of the {classes} classes of the data, got "
            f"{prompt.label_words!r}"
        )
    return prompt


def _card(
    task: Task, defense: Defense, model: str, data: Source, label_names: Sequence[str]
) -> Card:
    """Returns the card of a run before it begins."""
    given = {"label_names": list(label_names)} if label_names else {}
    settings = task.settings() | {
        "config": dict(task.config) | given,
        "precision": task.precision or training_precision(),
    }
    return Card(
        task=task.name,
        defense=defense.name,
        options=json.loads(json.dumps(dataclasses.asdict(defense))),  # as they are read again
        model=str(model),
        data=str(data),
        **settings,
    )


def _within(longest: int, task: Task, given: int | None) -> Task:
    """Returns the task with inputs that the model can read; refuses a longer given length."""
    if given is not None and given > longest:
        raise InvalidInputError(
            f"max_tokens: expected at most {longest}, which the model's position table has, got "
            f"{given}"
        )
    return dataclasses.replace(task, max_tokens=min(task.max_tokens, longest))
