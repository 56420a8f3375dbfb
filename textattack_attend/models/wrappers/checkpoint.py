"""Checkpoints by name, and behind the wrapper that fits them."""

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
    """A classifier, or a model that scores choices, with its tokenizer and its card if it has one.

    Args:
        checkpoint: a folder, a hub name, or TextAttack's name of a model.
        trust_remote_code: whether to run the code that the checkpoint brings along.
        options: of `AttentionModelWrapper`.

    Raises:
        InvalidInputError: there is no such checkpoint.
        CustomCodeError: it needs code of its own, which is not allowed.
    """
    checkpoint = checkpoint_named(checkpoint)
    card = Card.of(Path(checkpoint))  # it refuses the output of a training that has not ended
    model, tokenizer = load(checkpoint, trust_remote_code)
    if card is None:
        return AttentionModelWrapper(model, tokenizer, **options)
    return DefendedModelWrapper(card, model, tokenizer, **options)


def checkpoint_named(name: str) -> str:
    """A folder or a hub name as it is; of TextAttack's name of a model what it stands for.

    Raises:
        InvalidInputError: TextAttack has something else than a transformer by that name.
    """
    known: Any = HUGGINGFACE_MODELS.get(name, name)
    if not isinstance(known, str):
        raise InvalidInputError(f"victim: expected a transformer, got {name!r}")
    return known
