"""A row: what became of one example."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import described
from ..structures import Structure

OUTCOMES = ("succeeded", "failed", "skipped", "error")
MOST_MATRICES = 2**16
"""The most attention matrices of a model; that with the most today has about 19,000."""
MOST_TOKENS = 2**20
"""The most tokens of a text."""


@dataclass(frozen=True)
class Row:
    """The outcome of the attack on one example.

    Args:
        position: the position of the example in the data set.
        outcome: one of `OUTCOMES`; an example that is misclassified already is skipped.
        label: the class of the example; None if it has none, which is an error.
        seconds: the time since the previous example was done; attacks side by side share theirs.
        text: the text of the example, with each of its parts in a line.
        perturbed: the text as the attack left it.
        before: the class that the model predicts; None for an error, like all that follow.
        after: the class that the model predicts after the attack.
        confidence_before: the model's probability of the label.
        confidence_after: the model's probability of the label after the attack.
        queries: the number of all queries of the model.
        candidate_queries: the number of structures that were tested up to the first success.
        gradient_passes: the number of backward passes; the forward pass of each is a query.
        perturbed_words: the share of the words that a successful attack on words changed.
        similarity: the similarity of the meanings before and after such an attack, in [-1, 1].
        hamming: the masked units of a success per perturbed matrix.
        matrices: the number of matrices in which a success masks a unit.
        masked: the masked units of a success, as `packed` writes them.
        tokens: the tokens of the text of a success, as a JSON list.
        error: the kind and the message of the error, if there was one.
    """

    position: int
    outcome: str
    label: int | None
    seconds: float
    text: str
    perturbed: str | None = None
    before: int | None = None
    after: int | None = None
    confidence_before: float | None = None
    confidence_after: float | None = None
    queries: int | None = None
    candidate_queries: int | None = None
    gradient_passes: int | None = None
    perturbed_words: float | None = None
    similarity: float | None = None
    hamming: float | None = None
    matrices: int | None = None
    masked: str | None = None
    tokens: str | None = None
    error: str | None = None


def packed(structure: Structure) -> str:
    """Writes a structure as JSON.

    The JSON has the layers, heads and tokens, and for every perturbed matrix its layer, its head,
    and its cells, each ``query * tokens + key``, as differences from the one before.
    """
    shape = structure.shape
    matrices = [
        [layer, head, np.diff(structure.cells(layer, head), prepend=0).tolist()]
        for layer, head in structure.matrices
    ]
    whole = {"shape": [shape.layers, shape.heads, shape.tokens], "matrices": matrices}
    return json.dumps(whole, separators=(",", ":"))


def require_packed(masked: str) -> int:
    """Checks that a text is what `packed` writes, and returns the number of perturbed matrices.

    The other functions of this module rely on it.

    Raises:
        ValueError: it is something else, or a unit is outside of the shape.
        RecursionError: it is JSON of too many levels.
    """
    whole = json.loads(masked)
    if not isinstance(whole, dict) or list(whole) != ["shape", "matrices"]:
        raise ValueError(f"expected masked units with shape and matrices, got {described(masked)}")
    layers, heads, tokens = _shape(whole["shape"])
    if not whole["matrices"]:
        raise ValueError("expected masked units, got none")
    seen = set()
    for matrix in _list(whole["matrices"]):
        layer, head, steps = _list(matrix, 3)
        if not (_is_below(layer, layers) and _is_below(head, heads)):
            raise ValueError(f"expected a matrix of the shape, got {described([layer, head])}")
        _require_steps(_list(steps), tokens**2)
        seen.add((layer, head))
    if len(seen) != len(whole["matrices"]):
        raise ValueError("expected the units of each matrix once, got them twice")
    return len(seen)


def _shape(shape: Any) -> tuple[int, int, int]:
    layers, heads, tokens = _list(shape, 3)
    for size, most in ((layers, MOST_MATRICES), (heads, MOST_MATRICES), (tokens, MOST_TOKENS)):
        if size == 0 or not _is_below(size, most + 1):
            raise ValueError(f"expected a shape of numbers up to {most}, got {described(shape)}")
    if layers * heads > MOST_MATRICES:
        raise ValueError(f"expected at most {MOST_MATRICES} matrices, got {described(shape)}")
    return layers, heads, tokens


def _require_steps(steps: list[Any], units: int) -> None:
    """Checks the differences between masked units that ascend, the first from 0."""
    if set(map(type, steps)) != {int} or steps[0] < 0 or min(steps[1:], default=1) < 1:
        raise ValueError(f"expected steps from unit to unit, got {described(steps)}")
    if sum(steps) >= units:
        raise ValueError(f"expected units below {units}, got {sum(steps)}")


def _list(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or len(value) != (length or len(value)):
        raise ValueError(f"expected a list, got {described(value)}")
    return value


def _is_below(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value < most


def counted(masked: str) -> tuple[tuple[int, int], dict[tuple[int, int], int]]:
    """Returns the layers and heads, and how many units are masked in every (layer, head)."""
    whole = json.loads(masked)
    layers, heads, _ = whole["shape"]
    return (layers, heads), {(layer, head): len(cells) for layer, head, cells in whole["matrices"]}


def unpacked(masked: str) -> tuple[Sequence[int], dict[tuple[int, int], list[tuple[int, int]]]]:
    """Returns the shape, and the (query, key) that are masked in every (layer, head)."""
    whole = json.loads(masked)
    tokens = whole["shape"][2]
    matrices = {
        (layer, head): [divmod(cell, tokens) for cell in np.cumsum(steps).tolist()]
        for layer, head, steps in whole["matrices"]
    }
    return whole["shape"], matrices
