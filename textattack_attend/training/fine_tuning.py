"""Fine-tuning with the settings of the paper's Table 9, plainly or with a defense."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Sequence, Sized
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from transformers import (
    DataCollatorForMultipleChoice,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from ..checkpoints.card import CHECKPOINTS, Card
from ..checkpoints.loading import load, tokenizer_of
from ..data.class_names import names_in
from ..data.published import Source
from ..process.progress import say
from ..victims.identity import trained_parts
from ..victims.prompt import prompt_of
from ..victims.requirements import require_padding
from .checkpoints import UNFINISHED, newest_whole, saving
from .defenses import Defense, trainer_of
from .defenses.defense_trainer import DefenseTrainer
from .folder import begin, complete, finished
from .label_word_head import begin_with_label_words
from .lora import add_lora, fold_lora
from .requirements import require_defense, require_pretrained, require_task
from .rows import encoded, with_extra
from .run import Run, checked_run
from .shown import ShownTraining
from .start import pretrained
from .tasks import Task
from .trainer_arguments import trainer_arguments

logger = logging.getLogger(__name__)


def fine_tune(
    task: Task | str,
    model: str | os.PathLike[str],
    data: Source,
    output: str | os.PathLike[str],
    *,
    defense: Defense | None = None,
    overwrite: bool = False,
    trust_remote_code: bool = False,
    label_names: Sequence[str] = (),
    **settings: Any,
) -> Card:
    """Fine-tunes a pretrained model, saves it with its tokenizer and a card, and returns the card.

    The model is evaluated after every epoch, and that of the best epoch is kept. A run that was
    interrupted or killed goes on from its newest whole checkpoint; the checkpoints are deleted once
    the model is saved. If the run has ended already, only its card is returned, with a warning.

    Args:
        task: the task, whose settings replace those of `settings` that are None; or its name, as
            `task_of` takes it: ``sst2``, or the columns of a table, as ``text,label``.
        model: the folder of the pretrained model, or its name on the hub.
        data: the folder of the task's two files, or the name of the data set on the hub.
        output: the folder for the model.
        defense: the training method; None for plain fine-tuning.
        overwrite: whether to delete an earlier run's output in the folder, instead of refusing it
            or going on with it.
        trust_remote_code: whether to run the Python code that the pretrained model, or the victim
            of ADA, brings along; otherwise such a model is refused.
        label_names: the names of the classes, in the order of their numbers, for the model's
            configuration; by default those of the data.
        settings: fields of `Settings`, as learning_rate, to use instead of the task's.

    Raises:
        InvalidInputError: a setting is unknown or outside its range, a file is missing or of
            another format, a model cannot learn from the examples, the pretrained model or its
            tokenizer does not fit, or the folder holds something else.
        StructureMismatchError: the method's structures were found on a model of another size.
        TrainingDivergedError: the loss became NaN or infinite.
        CustomCodeError: the pretrained model needs code of its own, which is not allowed.
        SavingError: the disk is full; the checkpoints so far are kept.
    """
    name, model = model, require_pretrained(model)
    given = require_task(task).given(**settings)
    method, folder = require_defense(defense), Path(output)
    longest = settings.get("max_tokens")
    run = checked_run(given, longest, method, model, data, folder, trust_remote_code, label_names)
    arguments = trainer_arguments(run.card, run.task, run.checkpoints)
    ended = None if overwrite else finished(run.card, run.output)
    if ended:
        if arguments.process_index == 0:
            logger.warning("%s: this run is complete already; nothing is trained again", output)
        return ended
    if arguments.process_index == 0:
        say(f"loading {name}")
    trainer, card = _begun(run, arguments, overwrite)
    card = _trained(trainer, card, run.checkpoints)
    trainer.bare(trainer.model_wrapped).eval()
    return _saved(trainer, card, folder, trust_remote_code)


def _begun(
    run: Run, arguments: TrainingArguments, overwrite: bool
) -> tuple[DefenseTrainer[Any], Card]:
    """Loads the model, finds the rows that the defense adds, and makes the trainer."""
    task, card, trusts = run.task, run.card, run.trust_remote_code
    tokenizer = tokenizer_of(card.model, trusts, model_max_length=task.max_tokens)
    torch.manual_seed(task.seed)
    untrained = pretrained(card.model, run.auto, run.configuration, trusts)
    require_padding(untrained, tokenizer)
    if prompt := prompt_of(run.configuration):
        begin_with_label_words(untrained, card.model, prompt, tokenizer, trusts)
    if task.lora_rank:
        add_lora(untrained, task.lora_rank, task.lora_modules)
    with arguments.main_process_first(local=False):
        begin(card, run.output, overwrite and arguments.process_index == 0)
        start = time.perf_counter()
        extra = run.defense.extra_rows(
            run.train,
            run.checkpoints / "adversarial.jsonl",
            trusts,
            names_in(run.configuration.id2label),
        )
        seconds = time.perf_counter() - start
    trainer = trainer_of(run.defense)(
        run.defense,
        untrained,
        arguments,
        _collator(task, tokenizer),
        with_extra(run.train, extra, task, tokenizer, untrained, run.defense.columns),
        encoded(run.dev, task, tokenizer, untrained),
        tokenizer,
        compute_metrics=_accuracy,
    )
    found: dict[str, Any] = {
        "rows": len(run.train),
        "extra_rows": len(extra),
        "extra_seconds": seconds,
    }
    return trainer, dataclasses.replace(card, **found)


def _trained(trainer: DefenseTrainer[Any], card: Card, checkpoints: Path) -> Card:
    """Trains from the newest whole checkpoint on, and returns the card with what came out."""
    shown = ShownTraining(f"training on {card.task}", len(cast(Sized, trainer.eval_dataset)))
    trainer.add_callback(shown)  # type: ignore[no-untyped-call]
    # Standard output holds results alone.
    trainer.remove_callback(PrinterCallback)  # type: ignore[no-untyped-call]
    start = time.perf_counter()
    with closing(shown):  # the line of an error must not stand inside a bar
        trainer.train(resume_from_checkpoint=newest_whole(checkpoints))
    seconds, ratio = time.perf_counter() - start, trainer.step_seconds_ratio()
    if card.lora_rank:
        fold_lora(trainer.bare(trainer.model_wrapped))
    best = trainer.state.best_metric
    return dataclasses.replace(card, accuracy=best, seconds=seconds, step_seconds_ratio=ratio)


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


def _collator(task: Task, tokenizer: PreTrainedTokenizerBase) -> Any:
    collator = DataCollatorForMultipleChoice if task.is_multiple_choice else DataCollatorWithPadding
    return collator(tokenizer)


def _accuracy(judged: EvalPrediction) -> dict[str, float]:
    right = np.asarray(judged.predictions).argmax(-1) == np.asarray(judged.label_ids)
    return {"accuracy": float(right.mean())}
