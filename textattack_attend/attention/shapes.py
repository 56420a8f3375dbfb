"""Checks that structures have the shape of a model and its texts."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedModel

from ..errors import StructureMismatchError
from ..structures import Structure
from .families import shape_of


def require_shapes(
    model: PreTrainedModel,
    structures: Sequence[Structure],
    lengths: Sequence[int],
    cross_attention: bool,
) -> None:
    """Refuses structures whose shape is not that of the model's attention for the texts.

    Args:
        model: a model of a supported family.
        structures: the structure of each sequence; empty if nothing is masked.
        lengths: the number of tokens of each sequence.
        cross_attention: whether the structures mask a decoder's attention to its encoder.

    Raises:
        StructureMismatchError: a structure belongs to another model or to a text of another length.
    """
    shapes = [structure.shape for structure in structures]
    # Thousands of structures have only a few different shapes.
    for shape, tokens in dict.fromkeys(zip(shapes, lengths, strict=bool(shapes))):
        expected = shape_of(model, tokens, shape.first_is_special, cross_attention)
        if shape != expected:
            raise StructureMismatchError(
                f"expected a structure of {expected}, got one of {shape}: it belongs to "
                "another model or to a text of another length"
            )
