"""The arguments of transformers' ``Trainer`` for a run."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import PartialState
from transformers import TrainingArguments

from ..checkpoints.card import Card
from ..errors import InvalidInputError
from ..versions import batches_of_like_lengths, warm_up
from .rows import LENGTH
from .tasks import Task

A_DAY = 24 * 60 * 60
"""The seconds of a day."""


def trainer_arguments(card: Card, task: Task, checkpoints: Path) -> TrainingArguments:
    """Returns the arguments of `Trainer` for a run.

    Args:
        card: the card of the run.
        task: the task, whose warm-up the card does not name.
        checkpoints: the folder for checkpoints.

    Raises:
        InvalidInputError: the processes cannot share out a batch evenly.
    """
    on_cpu = not torch.accelerator.is_available()
    processes = PartialState(cpu=on_cpu).num_processes
    if card.batch_size % processes:
        raise InvalidInputError(
            f"batch size: expected a multiple of the {processes} processes, got {card.batch_size}"
        )
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        learning_rate=card.learning_rate,
        per_device_train_batch_size=card.batch_size // processes,
        per_device_eval_batch_size=64,
        num_train_epochs=card.epochs,
        **warm_up(task.warmup),
        use_cpu=on_cpu,
        bf16=card.precision == "bfloat16",
        gradient_checkpointing=card.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_steps=0.1,  # a share of all steps, so that a short run logs, too
        **batches_of_like_lengths(),  # half of a batch drawn blindly is padding
        length_column_name=LENGTH,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        report_to=[],
        seed=card.seed,
        disable_tqdm=True,  # the run is shown by `shown`
        ddp_timeout=A_DAY,  # the other processes wait while one attacks the training set
    )
    # Each process takes one GPU. Otherwise Trainer would make replicas of the model, which defenses
    # do not see, and would take a batch for each.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments
