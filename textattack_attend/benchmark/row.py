"""A row: what became of one example."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..structures import Structure

OUTCOMES = ("succeeded", "failed", "skipped", "error")


@dataclass(frozen=True)
class Row:
    """What became of an example.

    Args:
        position: in the data set.
        outcome: one of `OUTCOMES`; an example that is misclassified already is skipped.
        label: the class of the example; None if it has none, which is an error.
        seconds: since the example before it was done; attacks that work side by side share theirs.
        text: of the example; its parts one a line.
        perturbed: the same as the attack left it.
        before: the class that the model predicts; None for an error, like all that follow.
        after: the same once it was attacked.
        confidence_before: the model's probability of the label.
        confidence_after: the same once it was attacked.
        queries: of the model, all.
        candidate_queries: structures that were tested up to the first success.
        gradient_passes: backward; the forward pass of each is a query.
        perturbed_words: share of the words that an attack on words changed, of a success.
        similarity: of the meaning before and after, in [-1, 1], of the same.
        hamming: masked units per perturbed matrix, of a success.
        matrices: with at least one masked unit, of a success.
        masked: the units of a success, as `packed` writes them.
        tokens: of the text, as a JSON list, of the same.
        error: what went wrong.
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
    """A structure as JSON: its layers, heads and tokens, and for every perturbed matrix its layer,
    its head, and its cells, each ``query * tokens + key``, as differences from the one before.
    """
    shape = structure.shape
    matrices = [
        [layer, head, np.diff(structure.cells(layer, head), prepend=0).tolist()]
        for layer, head in structure.matrices
    ]
    whole = {"shape": [shape.layers, shape.heads, shape.tokens], "matrices": matrices}
    return json.dumps(whole, separators=(",", ":"))


def counted(masked: str) -> tuple[tuple[int, int], dict[tuple[int, int], int]]:
    """Layers and heads, and how many units are masked in every (layer, head)."""
    whole = json.loads(masked)
    layers, heads, _ = whole["shape"]
    return (layers, heads), {(layer, head): len(cells) for layer, head, cells in whole["matrices"]}


def unpacked(masked: str) -> tuple[Sequence[int], dict[tuple[int, int], list[tuple[int, int]]]]:
    """Layers, heads and tokens, and the (query, key) that are masked in every (layer, head)."""
    whole = json.loads(masked)
    tokens = whole["shape"][2]
    matrices = {
        (layer, head): [divmod(cell, tokens) for cell in np.cumsum(steps).tolist()]
        for layer, head, steps in whole["matrices"]
    }
    return whole["shape"], matrices
