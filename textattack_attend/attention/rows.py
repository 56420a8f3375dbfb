"""Runs a model on rows, each one sequence, whether it classifies texts or scores choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import ModelOutputError


def is_multiple_choice(model: PreTrainedModel) -> bool:
    """Returns whether the model scores choices, each a sequence, instead of classes."""
    return any(c.__name__.endswith("ForMultipleChoice") for c in type(model).__mro__)


def run_rows(model: PreTrainedModel, inputs: Mapping[str, Tensor], **options: Any) -> Any:
    """Runs a model on rows (B, T); the logits are (B, C), or (B, 1) if it scores choices."""
    if is_multiple_choice(model):
        inputs = {name: rows[:, None] for name, rows in inputs.items()}
    # A cache of keys and values is read by nobody, and would grow when layers are called again.
    cacheless = {"use_cache": False} if _takes_cache(type(model).forward) else {}
    with _named_outputs(model):
        return model(**inputs, **{"return_dict": True, **cacheless, **options})


@cache
def _takes_cache(forward: Callable[..., Any]) -> bool:
    return "use_cache" in signature(forward).parameters


def require_finite(logits: Tensor) -> Tensor:
    """Returns the logits, after checking that every one of them is finite.

    Raises:
        ModelOutputError: a logit is NaN or infinite.
    """
    if not torch.isfinite(logits).all():
        raise ModelOutputError(
            "the model's logits are NaN or infinite; expected finite numbers: check the "
            "checkpoint and its precision"
        )
    return logits


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
