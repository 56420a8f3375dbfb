"""Rows: a model called on sequences, one a row, whatever its examples consist of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel


def chooses(model: PreTrainedModel) -> bool:
    """Whether the model scores choices, each a sequence, instead of classes."""
    return any(c.__name__.endswith("ForMultipleChoice") for c in type(model).__mro__)


def run_rows(model: PreTrainedModel, inputs: Mapping[str, Tensor], **options: Any) -> Any:
    """The output for rows (B, T): logits (B, C), or (B, 1) of a model that scores choices."""
    if chooses(model):
        inputs = {name: rows[:, None] for name, rows in inputs.items()}
    return model(**inputs, **options)
