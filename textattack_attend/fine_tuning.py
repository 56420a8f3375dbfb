"""Fine-tuning a victim with the settings of the paper's Table 9, on transformers' Trainer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorForMultipleChoice,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from . import published
from .classifiers import require_padding
from .errors import InvalidInputError
from .published import Row, Source


@dataclass(frozen=True)
class Task:
    """What is learned, and how.

    Args:
        read: reads a file of it, or a split on the hub.
        files: names of the files to train on and to judge by, in its folder.
        chooses: whether choices are scored; else sentences are classified.
        learning_rate: at its highest.
        batch_size: texts a step.
        epochs: how often every text is seen.
        warmup: share of the steps over which the learning rate grows; then it falls to 0.
        max_tokens: of a sequence.
    """

    read: Callable[[Source, str], list[Row]]
    files: tuple[str, str]
    chooses: bool
    learning_rate: float
    batch_size: int
    epochs: int
    warmup: float
    max_tokens: int = 128


TASKS = {
    "sst2": Task(published.sst2, ("train.tsv", "dev.tsv"), False, 2e-5, 32, 3, 0.06),
    "dream": Task(published.dream, ("train.json", "dev.json"), True, 3e-5, 16, 8, 0.1),
    "hellaswag": Task(
        published.hellaswag,
        ("hellaswag_train.jsonl", "hellaswag_val.jsonl"),
        True,
        2e-5,
        32,
        3,
        0.1,
    ),
    "reclor": Task(published.reclor, ("train.json", "val.json"), True, 2e-5, 24, 6, 0.06),
}


def fine_tune(
    task: Task,
    model: str,
    data: Source,
    output: str | os.PathLike[str],
    *,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> float:
    """Fine-tune a pretrained encoder, save it with its tokenizer, and return its accuracy.

    An interrupted run goes on from its last checkpoint, which is saved after every epoch; the
    checkpoints are deleted once the model is saved.

    Args:
        task: what is learned; its settings, where the following are None.
        model: hub name or folder of the pretrained model.
        data: folder of the task's two files, or name of the data set on the hub.
        output: folder for the model.
        learning_rate: at its highest.
        batch_size: texts a step.
        epochs: how often every text is seen.
        seed: for the new head, the order of the texts, and dropout.

    Raises:
        InvalidInputError: a file is missing or of another format.
    """
    train, dev = _splits(task, data)
    tokenizer = AutoTokenizer.from_pretrained(model, model_max_length=task.max_tokens)
    torch.manual_seed(seed)
    checkpoints = str(Path(output) / "checkpoints")
    on_cpu = not torch.accelerator.is_available()
    settings = TrainingArguments(
        output_dir=checkpoints,
        learning_rate=learning_rate or task.learning_rate,
        per_device_train_batch_size=batch_size or task.batch_size,
        per_device_eval_batch_size=64,
        num_train_epochs=epochs or task.epochs,
        warmup_ratio=task.warmup,
        use_cpu=on_cpu,
        bf16=on_cpu or (torch.cuda.is_available() and torch.cuda.is_bf16_supported()),
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        report_to=[],
        seed=seed,
        disable_tqdm=None,
    )
    untrained = _pretrained(task, model, [label for _, label in train])
    require_padding(untrained, tokenizer)
    trainer = Trainer(
        untrained,
        settings,
        _collator(task, tokenizer),
        _encoded(train, task, tokenizer),
        _encoded(dev, task, tokenizer),
        tokenizer,
        compute_metrics=_accuracy,
    )
    trainer.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    accuracy: float = trainer.evaluate()["eval_accuracy"]
    trainer.save_model(str(output))
    shutil.rmtree(checkpoints)
    return accuracy


def _splits(task: Task, data: Source) -> list[list[Row]]:
    if Path(data).is_dir():
        return [task.read(Path(data) / name, "") for name in task.files]
    return [task.read(data, split) for split in ("train", "validation")]


def _pretrained(task: Task, model: str, labels: list[int]) -> Any:
    if task.chooses:
        return AutoModelForMultipleChoice.from_pretrained(model)
    classes = max(labels) + 1
    return AutoModelForSequenceClassification.from_pretrained(model, num_labels=classes)


def _collator(task: Task, tokenizer: PreTrainedTokenizerBase) -> Any:
    collator = DataCollatorForMultipleChoice if task.chooses else DataCollatorWithPadding
    return collator(tokenizer)


def _encoded(rows: list[Row], task: Task, tokenizer: PreTrainedTokenizerBase) -> Any:
    """Token ids of every row: of its one sequence, or of one for every choice."""
    short = {"truncation": True, "max_length": task.max_tokens}
    if not task.chooses:
        encoded = tokenizer([sentence for (sentence,), _ in rows], **short)
        return Dataset.from_dict({**encoded, "label": [label for _, label in rows]})
    columns: dict[str, list[Any]] = {"label": [label for _, label in rows]}
    for (context, question, *choices), _ in rows:
        pairs = [(context, f"{question} {choice}") for choice in choices]
        for name, ids in tokenizer(pairs, **{**short, "truncation": "only_first"}).items():
            columns.setdefault(name, []).append(ids)
    return Dataset.from_dict(columns)


def _accuracy(judged: EvalPrediction) -> dict[str, float]:
    right = np.asarray(judged.predictions).argmax(-1) == np.asarray(judged.label_ids)
    return {"accuracy": float(right.mean())}


def _last_checkpoint(folder: str) -> str | None:
    return get_last_checkpoint(folder) if os.path.isdir(folder) else None


def task_of(name: str) -> Task:
    """The task of a name.

    Raises:
        InvalidInputError: there is none.
    """
    if name not in TASKS:
        raise InvalidInputError(f"task: expected one of {', '.join(TASKS)}, got {name!r}")
    return TASKS[name]
