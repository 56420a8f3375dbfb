"""Rankings: how the units inside a matrix are ordered, the most promising to mask first.

Each ranking is a file of this package that registers itself. It turns a capture of the clean text
into scores of the same shape: the higher, the more the loss is expected to grow when the unit is
masked. Scores are computed layer by layer, and only those of attackable units are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..attention import AttentionCapture
from ..data.texts import Text
from ..registry import Registry
from ..structures import Budget, Cells, Shape

UNITS_AT_ONCE = 2**18
"""The number of scores computed at once; each step of a formula takes as many numbers again."""


Draw = Callable[[Shape, Budget, int, np.random.Generator], list[Cells]]
"""Draws cells of each head of the layer of a number."""


@dataclass(frozen=True)
class Ranking:
    """The order of the units inside a matrix.

    Args:
        score: a function that computes the score of every unit of a layer, (H, T, T), from the
            layer's capture; None if units are drawn without the model.
        needs_gradient: whether the score needs the gradients of the capture.
        draw: a function that draws the cells to mask in each head of a layer, within a budget, for
            a ranking without a score.
    """

    score: Callable[[AttentionCapture], Tensor] | None
    needs_gradient: bool = True
    draw: Draw | None = None


RANKINGS: Registry[Ranking] = Registry("ranking", __package__)


class Ranked(NamedTuple):
    """The attackable units of a layer in the order of a ranking.

    Args:
        scores: the scores of the attackable units, float32 (H, n); a higher one is more promising.
        has_gradient: true if a gradient that is not zero ranks any head.
    """

    scores: npt.NDArray[np.float32]
    has_gradient: bool


def rank(name: str, capture: AttentionCapture, cells: Cells) -> Ranked:
    """Scores the attackable units of a layer.

    A matrix whose gradient is zero at every attackable unit is ranked by attention instead (paper,
    section 3.4).

    Args:
        name: the name of a ranking that scores units.
        capture: the capture of the layer, (H, T, T), with gradients if the ranking needs them.
        cells: the n attackable cells, ``query * T + key``, in order.
    """
    ranking = RANKINGS[name]
    score = ranking.score
    assert score is not None
    scores = at_cells(capture, cells, lambda block, _: score(block))
    if not ranking.needs_gradient:
        return Ranked(scores, has_gradient=True)
    probabilities = at_cells(capture, cells, lambda block, _: block.probabilities)
    has_gradient = (scores != 0).any(1, keepdims=True)
    return Ranked(np.where(has_gradient, scores, probabilities), bool(has_gradient.any()))


def at_cells(
    capture: AttentionCapture, cells: Cells, scored: Callable[[AttentionCapture, slice], Tensor]
) -> npt.NDArray[np.float32]:
    """Computes scores of a layer a few queries at a time, and keeps those of some cells.

    Args:
        capture: the layer's, (H, T, T).
        cells: n cells, ``query * T + key``, in order.
        scored: gives the scores (H, queries, T), from a capture of some queries and which they are.

    Returns:
        The scores of the cells, float (H, n).
    """
    heads, tokens, _ = capture.probabilities.shape
    queries = max(1, UNITS_AT_ONCE // (heads * tokens))
    parts = [np.empty((heads, 0), np.float32)]
    for start in range(0, tokens, queries):
        first, end = np.searchsorted(cells, [start * tokens, (start + queries) * tokens])
        block = slice(start, start + queries)
        dense = scored(capture.of_queries(block), block).flatten(1).numpy()
        parts.append(dense[:, cells[first:end] - start * tokens])
    return np.concatenate(parts, axis=1)


def generator_for(text: Text, seed: int | None, purpose: str = "units") -> np.random.Generator:
    """Randomness that depends on seed, text and purpose, not on what was attacked before.

    Without a seed it is torch's, the one that TextAttack's ``--random-seed`` sets.
    """
    seed = torch.initial_seed() if seed is None else seed
    digest = hashlib.blake2b(repr((purpose, text)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed % 2**63, int.from_bytes(digest, "little")])
