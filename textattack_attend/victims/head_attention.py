"""The attention of a victim before and after an attack, in the head that lost most of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..data.texts import Text
from ..display.head_attention import AttentionMap, HeadAttention
from ..errors import InvalidInputError
from ..structures import Matrix, Structure
from .victim import Victim


def most_attention_lost(
    victim: Victim, text: Text, structure: Structure, where: str = ""
) -> HeadAttention:
    """Returns the head whose masked units had most attention in the clean text.

    Args:
        victim: the victim that reads the text.
        text: the text.
        structure: the structure, which masks at least one unit.
        where: a line that says what is shown.

    Raises:
        InvalidInputError: the structure masks nothing.
        StructureMismatchError: the structure is of another length than the text.
    """
    if not len(structure):
        raise InvalidInputError("expected a structure that masks a unit, got one that masks none")
    clean, masked = _probabilities(victim, text, [[], [structure]])
    matrices = {m: _pairs(structure, *m) for m in structure.matrices}
    layer, head = max(matrices, key=lambda m: sum(clean[m][cell] for cell in matrices[m]))
    own = clean[layer, head], masked[layer, head]
    return HeadAttention(*own, victim.tokens(text), matrices[layer, head], layer, head, where)


def attention_of_head(
    victim: Victim, text: Text, structure: Structure, matrix: Matrix, where: str = ""
) -> HeadAttention:
    """Returns the attention of one head before and after an attack.

    Args:
        victim: the victim that reads the text.
        text: the text.
        structure: the structure.
        matrix: the layer and the head.
        where: a line that says what is shown.

    Raises:
        StructureMismatchError: the structure is of another length than the text.
    """
    clean, masked = _probabilities(victim, text, [[], [structure]])
    tokens, pairs = victim.tokens(text), _pairs(structure, *matrix)
    return HeadAttention(clean[matrix], masked[matrix], tokens, pairs, *matrix, where)


def attention_map(victim: Victim, text: Text, layer: int, head: int, title: str) -> AttentionMap:
    """Returns the attention of one head on a text without a structure.

    Args:
        victim: the victim that reads the text.
        text: the text.
        layer: the number of the layer, counted from 0.
        head: the number of the head, counted from 0.
        title: a line that says what is shown.

    Raises:
        InvalidInputError: the victim has no such layer or head.
    """
    shape = victim.empty_structure(text).shape
    for name, number, there in (("layer", layer, shape.layers), ("head", head, shape.heads)):
        if number not in range(there):
            raise InvalidInputError(f"{name}: expected one of 0 to {there - 1}, got {number}")
    (values,) = _probabilities(victim, text, [[]])
    return AttentionMap(values[layer, head], victim.tokens(text), title)


def _probabilities(
    victim: Victim, text: Text, each: Sequence[list[Structure]]
) -> list[npt.NDArray[np.float32]]:
    """Returns the attention (L, H, T, T) under each structure, of which an empty list has none."""
    return [
        victim.forward_passes([text], structures, [None])[0].capture().probabilities.numpy()
        for structures in each
    ]


def _pairs(structure: Structure, layer: int, head: int) -> list[tuple[int, int]]:
    """Returns the (query, key) that are masked in a matrix."""
    return [divmod(cell, structure.shape.tokens) for cell in structure.cells(layer, head).tolist()]
