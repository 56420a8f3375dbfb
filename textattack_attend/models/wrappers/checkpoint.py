"""Finds checkpoints by name, and loads them behind the wrapper that fits them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textattack.model_args import HUGGINGFACE_MODELS

from ...checkpoints.card import Card
from ...checkpoints.loading import load
from ...errors import InvalidInputError
from .attention_model_wrapper import AttentionModelWrapper
from .defended_model_wrapper import DefendedModelWrapper


def wrapper_for(
    checkpoint: str, trust_remote_code: bool = False, **options: Any
) -> AttentionModelWrapper:
    """Loads a classifier, or a model that scores choices, with its tokenizer and its card, if any.

    Args:
        checkpoint: the folder of the checkpoint, its name on the hub, or TextAttack's name of it.
        trust_remote_code: whether to run the code that the checkpoint brings along.
        options: keyword arguments of `AttentionModelWrapper`.

    Raises:
        InvalidInputError: there is no such checkpoint.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    checkpoint = checkpoint_named(checkpoint)
    card = Card.of(Path(checkpoint))  # it refuses the output of a training that has not ended
    model, tokenizer = load(checkpoint, trust_remote_code)
    if card is None:
        return AttentionModelWrapper(model, tokenizer, **options)
    return DefendedModelWrapper(card, model, tokenizer, **options)


def checkpoint_named(name: str) -> str:
    """Returns the checkpoint that TextAttack's name of a model stands for; other names stay.

    Raises:
        InvalidInputError: TextAttack's model of that name is no transformer.
    """
    known: Any = HUGGINGFACE_MODELS.get(name, name)
    if not isinstance(known, str):
        raise InvalidInputError(f"victim: expected a transformer, got {name!r}")
    return known
