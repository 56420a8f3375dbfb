"""Fine-tuning with the settings of the paper's Table 9, plainly or with a defense."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    DataCollatorForMultipleChoice,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
)

from ..attention.precision import training_precision
from ..checkpoints.card import CHECKPOINTS, Card
from ..checkpoints.loading import load, tokenizer_of
from ..data.published import Source
from ..errors import InvalidInputError
from ..victims.identity import trained_parts
from ..victims.requirements import require_padding
from .checkpoints import UNFINISHED, newest_whole, saving
from .configuration import configuration_of, longest_input
from .defenses import Defense, trainer_of
from .defenses.defense_trainer import DefenseTrainer
from .folder import begin, complete, finished
from .learnable import require_learnable
from .rows import encoded, with_extra
from .settings import settings_of
from .start import pretrained
from .tasks import Task, splits

logger = logging.getLogger(__name__)


def fine_tune(
    task: Task,
    model: str,
    data: Source,
    output: str | os.PathLike[str],
    *,
    defense: Defense | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    max_tokens: int | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    precision: str | None = None,
    overwrite: bool = False,
    trust_remote_code: bool = False,
) -> Card:
    """Fine-tunes a pretrained model, saves it with its tokenizer and a card, and returns the card.

    The model is evaluated after every epoch, and that of the best epoch is kept. A run that was
    interrupted or killed goes on from its newest whole checkpoint; the checkpoints are deleted once
    the model is saved. If the run has ended already, only its card is returned, with a warning.

    Args:
        task: the task, whose settings replace those of the following that are None.
        model: the folder of the pretrained model, or its name on the hub.
        data: the folder of the task's two files, or the name of the data set on the hub.
        output: the folder for the model.
        defense: the training method; None for plain fine-tuning.
        learning_rate: the highest learning rate.
        batch_size: the number of texts in a step.
        epochs: the number of times that every text is seen.
        max_tokens: the most tokens of a sequence; by default the task's, or fewer if the model
            cannot read so many.
        config: new values of fields of the model's configuration that do not change its weights, as
            its dropout, which takes most of a step on a CPU.
        seed: the seed of the new head, the order of the texts, dropout, and the method's draws.
        precision: the precision, float32 or bfloat16; None for the faster one on this machine.
        overwrite: whether to delete an earlier run's output in the folder, instead of refusing it
            or going on with it.
        trust_remote_code: whether to run the Python code that the pretrained model, or the victim
            of ADA, brings along; otherwise such a model is refused.

    Raises:
        InvalidInputError: a setting is outside its range, a file is missing or of another format,
            a model cannot learn from the examples, the pretrained model or its tokenizer does not
            fit, or the folder holds something else.
        StructureMismatchError: the method's structures were found on a model of another size.
        TrainingDivergedError: the loss became NaN or infinite.
        CustomCodeError: the pretrained model needs code of its own, which is not allowed.
        SavingError: the disk is full; the checkpoints so far are kept.
    """
    defense = defense or Defense()
    task = dataclasses.replace(
        task,
        **_given(
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            max_tokens=max_tokens,
        ),
    )
    _require_seed(seed)
    train, dev = splits(task, data)
    require_learnable(train, dev, data, task.is_multiple_choice)
    auto = (
        AutoModelForMultipleChoice
        if task.is_multiple_choice
        else AutoModelForSequenceClassification
    )
    classes = None if task.is_multiple_choice else 1 + max(label for _, label in train)
    configuration = configuration_of(str(model), auto, config or {}, classes, trust_remote_code)
    task = _within(longest_input(configuration), task, max_tokens)
    card = _card(task, defense, model, data, config or {}, seed, precision)
    checkpoints = Path(output) / CHECKPOINTS
    settings = settings_of(card, task, checkpoints)
    ended = None if overwrite else finished(card, Path(output))
    if ended:
        if settings.process_index == 0:
            logger.warning("%s: this run is complete already; nothing is trained again", output)
        return ended
    tokenizer = tokenizer_of(card.model, trust_remote_code, model_max_length=task.max_tokens)
    torch.manual_seed(seed)
    untrained = pretrained(card.model, auto, configuration, trust_remote_code)
    require_padding(untrained, tokenizer)
    with settings.main_process_first(local=False):
        begin(card, Path(output), overwrite and settings.process_index == 0)
        start = time.perf_counter()
        found_in = checkpoints / "adversarial.jsonl"
        extra = defense.extra_rows(train, found_in, trust_remote_code)
        found: dict[str, Any] = {
            "extra_rows": len(extra),
            "extra_seconds": time.perf_counter() - start,
        }
    trainer = trainer_of(defense)(
        defense,
        untrained,
        settings,
        _collator(task, tokenizer),
        with_extra(train, extra, task, tokenizer, untrained),
        encoded(dev, task, tokenizer, untrained),
        tokenizer,
        compute_metrics=_accuracy,
    )
    card = _trained(trainer, dataclasses.replace(card, rows=len(train), **found), checkpoints)
    untrained.eval()
    return _saved(trainer, card, Path(output), trust_remote_code)


def _trained(trainer: DefenseTrainer[Any], card: Card, checkpoints: Path) -> Card:
    """Trains from the newest whole checkpoint on, and returns the card with what came out."""
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=newest_whole(checkpoints))
    return dataclasses.replace(
        card,
        accuracy=trainer.state.best_metric,
        seconds=time.perf_counter() - start,
        step_seconds_ratio=trainer.step_seconds_ratio(),
    )


def _saved(trainer: DefenseTrainer[Any], card: Card, output: Path, trust_remote_code: bool) -> Card:
    """Saves the trained model with its card, deletes the checkpoints, and returns the card."""
    checkpoints = output / CHECKPOINTS
    model = checkpoints / UNFINISHED / "model"
    with saving(checkpoints):
        trainer.save_model(str(model))
        if trainer.is_world_process_zero():
            # The identity is that of the model as it is loaded from now on, without what training
            # left in memory.
            identity = trained_parts(*load(str(model), trust_remote_code))
            card = dataclasses.replace(card, identity=identity)
            card.write(model)
            complete(model, output)
    return card


def _card(
    task: Task,
    defense: Defense,
    model: str,
    data: Source,
    config: Mapping[str, Any],
    seed: int,
    precision: str | None,
) -> Card:
    """Returns the card of a run before it begins."""
    return Card(
        task=task.name,
        defense=defense.name,
        options=dataclasses.asdict(defense),
        model=str(model),
        data=str(data),
        learning_rate=task.learning_rate,
        batch_size=task.batch_size,
        epochs=task.epochs,
        max_tokens=task.max_tokens,
        config=dict(config),
        seed=seed,
        precision=precision or training_precision(),
    )


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _require_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:
        raise InvalidInputError(f"seed: expected a whole number from 0 to 2**32 - 1, got {seed}")


def _within(longest: int, task: Task, given: int | None) -> Task:
    """Returns the task with inputs that the model can read; refuses a longer given length."""
    if given is not None and given > longest:
        raise InvalidInputError(
            f"max_tokens: expected at most {longest}, which the model's position table has, got "
            f"{given}"
        )
    return dataclasses.replace(task, max_tokens=min(task.max_tokens, longest))


def _collator(task: Task, tokenizer: PreTrainedTokenizerBase) -> Any:
    collator = DataCollatorForMultipleChoice if task.is_multiple_choice else DataCollatorWithPadding
    return collator(tokenizer)


def _accuracy(judged: EvalPrediction) -> dict[str, float]:
    right = np.asarray(judged.predictions).argmax(-1) == np.asarray(judged.label_ids)
    return {"accuracy": float(right.mean())}
