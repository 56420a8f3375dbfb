"""Checkpoints that score choices, behind our wrapper."""

from __future__ import annotations

from transformers import AutoConfig, AutoModelForMultipleChoice, AutoTokenizer

from .attention_model_wrapper import AttentionModelWrapper


def scores_choices(checkpoint: str) -> bool:
    """Whether a checkpoint, a folder or a hub name, was saved as a ...ForMultipleChoice model."""
    try:
        architectures = AutoConfig.from_pretrained(checkpoint).architectures or []
    except (OSError, ValueError):  # whoever loads it will say what is wrong with it
        return False
    return any(name.endswith("ForMultipleChoice") for name in architectures)


def multiple_choice_wrapper(checkpoint: str) -> AttentionModelWrapper:
    """The model and the tokenizer of a checkpoint, a folder or a hub name."""
    model = AutoModelForMultipleChoice.from_pretrained(checkpoint)
    return AttentionModelWrapper(model, AutoTokenizer.from_pretrained(checkpoint))
