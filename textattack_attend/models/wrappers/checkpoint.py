"""Checkpoints behind the wrapper that fits them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...card import Card
from ...checkpoint import load
from .attention_model_wrapper import AttentionModelWrapper
from .defended_model_wrapper import DefendedModelWrapper


def wrapper_for(checkpoint: str, **options: Any) -> AttentionModelWrapper:
    """A classifier, or a model that scores choices, with its tokenizer and its card if it has one.

    Args:
        checkpoint: a folder or a hub name.
        options: of `AttentionModelWrapper`.

    Raises:
        InvalidInputError: there is no such checkpoint.
    """
    model, tokenizer = load(checkpoint)
    card = Card.of(Path(checkpoint))
    if card is None:
        return AttentionModelWrapper(model, tokenizer, **options)
    return DefendedModelWrapper(card, model, tokenizer, **options)
