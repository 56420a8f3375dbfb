"""Checks that a model has one stack of layers, and reads the size of its heads."""

from __future__ import annotations

from transformers import PreTrainedModel

from ...attention import family_of
from ...errors import UnsupportedModelError


def require_one_stack(defense: str, model: PreTrainedModel) -> None:
    """Refuses a model with an encoder and a decoder.

    Args:
        defense: the name of the defense that asks.
        model: the model.

    Raises:
        UnsupportedModelError: the model has two stacks of layers.
    """
    if model.config.is_encoder_decoder:
        raise UnsupportedModelError(
            f"{defense}: expected a model with one stack of layers, got a {type(model).__name__}"
        )


def head_size(model: PreTrainedModel) -> int:
    """Returns the size of the queries and keys of one head."""
    family = family_of(model)
    config = family.settings_of(model.config)
    return int(getattr(config, "head_dim", None) or config.hidden_size // family.num_heads(model))
