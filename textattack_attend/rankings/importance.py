"""Importance, the order of layers, and of the heads of a layer (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import require_one_of
from ..structures import Shape, Structure

IMPORTANCES = ("probability", "random")


def require_importance(name: str) -> None:
    """Raises InvalidInputError for a name that is no importance."""
    require_one_of("importance", name, IMPORTANCES)


def layer_probes(shape: Shape) -> list[Structure]:
    """Returns a structure for each layer that masks all its heads, for uniform attention."""
    return [
        Structure.whole(shape, [(layer, head) for head in range(shape.heads)])
        for layer in range(shape.layers)
    ]


def head_probes(shape: Shape, layers: Iterable[int]) -> list[Structure]:
    """Returns a structure for each head of these layers, in order, that masks the whole head."""
    return [
        Structure.whole(shape, [(layer, head)]) for layer in layers for head in range(shape.heads)
    ]


def most_important_first(scores: Sequence[float]) -> list[int]:
    """Returns positions by descending score of the attack's goal; equal scores keep their order."""
    order: list[int] = np.argsort(-np.asarray(scores), kind="stable").tolist()
    return order
