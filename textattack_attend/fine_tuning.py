"""Fine-tuning with the settings of the paper's Table 9, plainly or with a defense."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    DataCollatorForMultipleChoice,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from .attention import shape_of
from .attention.precision import training_precision
from .card import Card, begin
from .checkpoint import load, tokenizer_of
from .classifiers import require_padding
from .defenses import Defense, ExtraRow, trainer_of
from .defenses.masked_rows import MASKED
from .errors import InvalidInputError, StructureMismatchError
from .identity.victim import trained_parts
from .inputs import ChoiceInputs, Inputs
from .published import Row, Source
from .tasks import Task, splits
from .training.configuration import configuration_of, longest_input
from .training.learnable import require_learnable
from .training.start import pretrained, require_known_tokens

LENGTH = "length"
"""The column: tokens of a row's longest sequence."""
A_DAY = 24 * 60 * 60
"""Of seconds."""


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
) -> Card:
    """Fine-tune a pretrained model, save it with its tokenizer and a card, and return the card.

    It is judged after every epoch, and the best one is kept. An interrupted run goes on from its
    last checkpoint; the checkpoints are deleted once the model is saved.

    Args:
        task: what is learned; its settings, where the following are None.
        model: hub name or folder of the pretrained model.
        data: folder of the task's two files, or name of the data set on the hub.
        output: folder for the model.
        defense: the training method; None for plain fine-tuning.
        learning_rate: at its highest.
        batch_size: texts a step.
        epochs: how often every text is seen.
        max_tokens: of a sequence; where the model reads less than the task's, that is taken.
        config: fields of the model's configuration, instead of its own, that leave its weights as
            they are, as its dropout, which takes most of a step on a CPU.
        seed: for the new head, the order of the texts, dropout, and what the method draws.
        precision: float32 or bfloat16; by default what takes less time on this machine.
        overwrite: delete what is in the folder, instead of refusing it, or going on.

    Raises:
        InvalidInputError: a setting is outside its range, a file is missing or of another format,
            the rows cannot be learned from, the pretrained model or its tokenizer does not fit, or
            the folder holds something else.
        StructureMismatchError: what the method adds was found on a model of another size.
        TrainingDivergedError: the loss became NaN or infinite.
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
    require_learnable(train, dev, data, task.chooses)
    auto = AutoModelForMultipleChoice if task.chooses else AutoModelForSequenceClassification
    classes = None if task.chooses else 1 + max(label for _, label in train)
    configuration = configuration_of(str(model), auto, config or {}, classes)
    task = _within(longest_input(configuration), task, max_tokens)
    card = _card(task, defense, model, data, config or {}, seed, precision)
    tokenizer = tokenizer_of(card.model, model_max_length=task.max_tokens)
    torch.manual_seed(seed)
    untrained = pretrained(card.model, auto, configuration)
    require_padding(untrained, tokenizer)
    checkpoints = Path(output) / "checkpoints"
    settings = _settings(card, task, checkpoints)
    with settings.main_process_first(local=False):
        begin(card, Path(output), overwrite and settings.process_index == 0)
        start = time.perf_counter()
        extra = defense.extra_rows(train, checkpoints / "adversarial.jsonl")
        extra_seconds = time.perf_counter() - start
    trainer = trainer_of(defense)(
        defense,
        untrained,
        settings,
        _collator(task, tokenizer),
        _with_extra(train, extra, task, tokenizer, untrained),
        _encoded(dev, task, tokenizer, untrained),
        tokenizer,
        compute_metrics=_accuracy,
    )
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(checkpoints)))
    seconds = time.perf_counter() - start
    done = dataclasses.replace(
        card,
        accuracy=trainer.state.best_metric,
        seconds=seconds,
        step_seconds_ratio=trainer.step_seconds_ratio(),
        rows=len(train),
        extra_rows=len(extra),
        extra_seconds=extra_seconds,
    )
    untrained.eval()
    trainer.save_model(str(output))
    if trainer.is_world_process_zero():
        # As it is loaded from now on: what training left in memory may differ in what it is not.
        done = dataclasses.replace(done, identity=trained_parts(*load(str(output))))
        done.write(Path(output))
        shutil.rmtree(checkpoints)
    return done


def _card(
    task: Task,
    defense: Defense,
    model: str,
    data: Source,
    config: Mapping[str, Any],
    seed: int,
    precision: str | None,
) -> Card:
    """The card of a run before it begins."""
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
    """The task with inputs that the model can read; more that was asked for is refused."""
    if given is not None and given > longest:
        raise InvalidInputError(
            f"max_tokens: expected at most {longest}, which the model's position table has, got "
            f"{given}"
        )
    return dataclasses.replace(task, max_tokens=min(task.max_tokens, longest))


def _settings(card: Card, task: Task, checkpoints: Path) -> TrainingArguments:
    on_cpu = not torch.accelerator.is_available()
    processes = PartialState(cpu=on_cpu).num_processes
    if card.batch_size % processes:
        raise InvalidInputError(
            f"batch size: expected a multiple of the {processes} processes, got {card.batch_size}"
        )
    settings = TrainingArguments(
        output_dir=str(checkpoints),
        learning_rate=card.learning_rate,
        per_device_train_batch_size=card.batch_size // processes,
        per_device_eval_batch_size=64,
        num_train_epochs=card.epochs,
        warmup_ratio=task.warmup,
        use_cpu=on_cpu,
        bf16=card.precision == "bfloat16",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_steps=0.1,  # of all steps: a short run logs, too
        save_total_limit=2,  # of the best and the last, each of which a resumed run needs
        group_by_length=True,  # half of a batch drawn blindly is padding
        length_column_name=LENGTH,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        report_to=[],
        seed=card.seed,
        disable_tqdm=None,
        ddp_timeout=A_DAY,  # the other processes wait while one attacks the training set
    )
    # Of several GPUs one process takes one; else Trainer would make replicas of the model, which
    # defenses do not see, and take a batch for each.
    settings._n_gpu = min(1, settings.n_gpu)
    return settings


def _collator(task: Task, tokenizer: PreTrainedTokenizerBase) -> Any:
    collator = DataCollatorForMultipleChoice if task.chooses else DataCollatorWithPadding
    return collator(tokenizer)


def _encoded(
    rows: list[Row], task: Task, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> Any:
    """Token ids of every row: of its one sequence, or of one for every choice."""
    inputs = (ChoiceInputs if task.chooses else Inputs)(tokenizer, task.max_tokens)
    by_row = [inputs.sequences(parts if len(parts) > 1 else parts[0]) for parts, _ in rows]
    encoded = inputs.tokenize([sequence for sequences in by_row for sequence in sequences])
    require_known_tokens(encoded["input_ids"], tokenizer, model)
    lengths = iter(map(len, encoded["input_ids"]))
    columns: dict[str, list[Any]] = {
        "label": [label for _, label in rows],
        LENGTH: [max(islice(lengths, len(sequences))) for sequences in by_row],
    }
    for name, every in encoded.items():
        rest = iter(every)
        by_choice = [list(islice(rest, len(sequences))) for sequences in by_row]
        columns[name] = by_choice if task.chooses else every
    return Dataset.from_dict(columns)


def _with_extra(
    rows: list[Row],
    extra: list[ExtraRow],
    task: Task,
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
) -> Any:
    """The same of the training set and what a defense adds; with the units to mask, if any are."""
    encoded = _encoded(rows + [(row.parts, row.label) for row in extra], task, tokenizer, model)
    if not any(row.masked for row in extra):
        return encoded
    read = encoded["input_ids"][len(rows) :]
    for row, ids in zip(extra, read, strict=True):
        _require_fitting(row, ids if task.chooses else [ids], model)
    nothing: list[tuple[int, ...]] = [()] * (len(rows[0][0]) - 2 if task.chooses else 1)
    masked = [nothing] * len(rows) + [[own.units for own in row.masked] or nothing for row in extra]
    return encoded.add_column(MASKED, masked)


def _require_fitting(row: ExtraRow, sequences: list[list[int]], model: PreTrainedModel) -> None:
    """Refuse units that were found on attention of another size."""
    for masked, ids in zip(row.masked, sequences, strict=False):
        layers, heads, tokens, _ = shape_of(model, len(ids)).size
        if masked[:3] != (layers, heads, tokens):
            raise StructureMismatchError(
                f"{row.parts[0][:60]!r} was attacked on {masked.layers} layers of {masked.heads} "
                f"heads and {masked.tokens} tokens, expected {layers} of {heads} and {tokens}, as "
                "the model to train has: take a victim of its kind, and the same max_tokens"
            )


def _accuracy(judged: EvalPrediction) -> dict[str, float]:
    right = np.asarray(judged.predictions).argmax(-1) == np.asarray(judged.label_ids)
    return {"accuracy": float(right.mean())}
