"""Finds checkpoints by name, and loads them behind the wrapper that fits them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from textattack.model_args import HUGGINGFACE_MODELS

from ...checkpoints.card import Card
from ...checkpoints.loading import load, load_language_model
from ...demo import NAME, VICTIM_PATH
from ...errors import InvalidInputError
from .attention_model_wrapper import AttentionModelWrapper
from .defended_model_wrapper import DefendedModelWrapper
from .requirements import require_name_or_path


def wrapper_for(
    checkpoint: str | os.PathLike[str], trust_remote_code: bool = False, **options: Any
) -> AttentionModelWrapper:
    """Does what `AttentionModelWrapper.from_pretrained` does, which users call."""
    checkpoint = checkpoint_named(require_name_or_path(checkpoint))
    if options.get("prompt") is not None:
        model, tokenizer = load_language_model(checkpoint, trust_remote_code)
        return AttentionModelWrapper(model, tokenizer, **options)
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
    if name == NAME:
        return str(VICTIM_PATH)
    known: Any = HUGGINGFACE_MODELS.get(name, name)
    if not isinstance(known, str):
        raise InvalidInputError(f"victim: expected a transformer, got {name!r}")
    return known
