"""Rows: a model called on sequences, one a row, whatever its examples consist of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel


def chooses(model: PreTrainedModel) -> bool:
    """Whether the model scores choices, each a sequence, instead of classes."""
    return any(c.__name__.endswith("ForMultipleChoice") for c in type(model).__mro__)


def run_rows(model: PreTrainedModel, inputs: Mapping[str, Tensor], **options: Any) -> Any:
    """Runs a model on rows (B, T); its output has logits (B, C), or (B, 1) if it scores choices."""
    if chooses(model):
        inputs = {name: rows[:, None] for name, rows in inputs.items()}
    with _named_outputs(model):
        return model(**inputs, **{"return_dict": True, **options})


@contextmanager
def _named_outputs(model: PreTrainedModel) -> Iterator[None]:
    """Makes a model answer with named outputs, whatever its configuration says.

    The argument ``return_dict`` alone does not do it: some decoders hand it to no inner model.
    """
    configs: list[Any] = [model.config, model.base_model.config]
    changed = [config for config in configs if not config.return_dict]
    try:
        for config in changed:
            config.return_dict = True
        yield
    finally:
        for config in changed:
            config.return_dict = False
