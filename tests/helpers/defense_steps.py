"""Makes batches, models without dropout, and trainers for the tests of defenses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import BertTokenizerFast, TrainingArguments

from textattack_attend.training.defenses import Defense, trainer_of
from textattack_attend.training.defenses.defense_trainer import DefenseTrainer

FAMILIES = ("bert", "roberta", "distilbert", "electra")
BACKENDS = [(f, b) for f in FAMILIES for b in ("eager", "sdpa") if (f, b) != ("electra", "sdpa")]
TOKENS, ROWS = 9, 3


def batch(rows: int = ROWS) -> dict[str, Tensor]:
    """Rows of 9, 6 and 9 tokens, with special tokens at both ends."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 30, (rows, TOKENS), generator=generator)
    ids[:, 0], ids[:, -1] = 2, 3
    mask = torch.ones_like(ids)
    ids[1, 5:], mask[1, 6:] = 3, 0
    ids[1, 6:] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.arange(rows) % 2}


def without_dropout(model: Any) -> Any:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("dropout_prob", "attention_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    return model


def gradients_of(model: nn.Module) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def trainer(
    defense: Defense, model: Any, folder: Path, vocabulary: Path, **settings: Any
) -> DefenseTrainer[Any]:
    inputs = batch(12)
    data = Dataset.from_dict({name: rows.tolist() for name, rows in inputs.items()})
    usual = {"use_cpu": True, "report_to": [], "max_steps": 3, "seed": 1}
    arguments = TrainingArguments(str(folder), **{**usual, **settings})
    tokenizer = BertTokenizerFast(str(vocabulary))
    return trainer_of(defense)(
        defense, model, arguments, train_dataset=data, processing_class=tokenizer
    )
