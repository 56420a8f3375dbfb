"""Checkpoints behind the wrapper that fits them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from ...card import Card
from .attention_model_wrapper import AttentionModelWrapper
from .defended_model_wrapper import DefendedModelWrapper


def scores_choices(checkpoint: str) -> bool:
    """Whether a checkpoint, a folder or a hub name, was saved as a ...ForMultipleChoice model."""
    try:
        architectures = AutoConfig.from_pretrained(checkpoint).architectures or []
    except (OSError, ValueError):  # whoever loads it will say what is wrong with it
        return False
    return any(name.endswith("ForMultipleChoice") for name in architectures)


def wrapper_for(checkpoint: str, **options: Any) -> AttentionModelWrapper:
    """A classifier, or a model that scores choices, with its tokenizer and its card if it has one.

    Args:
        checkpoint: a folder or a hub name.
        options: of `AttentionModelWrapper`.
    """
    chooses = scores_choices(checkpoint)
    auto = AutoModelForMultipleChoice if chooses else AutoModelForSequenceClassification
    model = auto.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    card = Card.of(Path(checkpoint))
    if card is None:
        return AttentionModelWrapper(model, tokenizer, **options)
    return DefendedModelWrapper(card, model, tokenizer, **options)
