"""Rankings: how the units inside a matrix are ordered, the most promising to mask first.

Every ranking turns a capture of the clean text into scores of the same shape: the higher, the more
the loss is expected to grow when the unit is masked. Scores are computed layer by layer, and only
those of attackable units are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..attention import AttentionCapture
from ..data.texts import Text
from ..errors import require_one_of
from ..structures import Cells

Ranking = Callable[[AttentionCapture], Tensor]
UNITS_AT_ONCE = 2**18
"""Scores that are computed at once; each step of the formulas takes that many numbers again."""


def probability_gradient(capture: AttentionCapture) -> Tensor:
    """Minus the gradient at the probabilities: what the released code does, and the tables show."""
    return -capture.probability_gradients


def score_gradient(capture: AttentionCapture) -> Tensor:
    """Minus the gradient just before the softmax: what the paper's text says (section 3.4)."""
    return -capture.score_gradients


def first_order(capture: AttentionCapture) -> Tensor:
    """Linear term of the loss when a unit of probability p is masked: ``-g / (1 - p)``.

    g is the gradient at the pre-softmax score; ``1 - p`` comes from renormalising the row.
    """
    rest = (1 - capture.probabilities).clamp_min(torch.finfo(torch.float32).eps)
    return -capture.score_gradients / rest


def attention(capture: AttentionCapture) -> Tensor:
    """The attention probability itself (paper, Table 6, "score")."""
    return capture.probabilities


GRADIENT_RANKINGS: dict[str, Ranking] = {
    "probability_gradient": probability_gradient,
    "score_gradient": score_gradient,
    "first_order": first_order,
}
RANKINGS = (*GRADIENT_RANKINGS, "attention", "random")


def require_ranking(name: str) -> None:
    """Raises InvalidInputError for a name that is no ranking."""
    require_one_of("ranking", name, RANKINGS)


class Ranked(NamedTuple):
    """The attackable units of a layer in the order of a ranking.

    Args:
        scores: of every attackable unit, float (H, n); the higher, the more promising.
        has_gradient: whether a gradient that is not zero ranks some head.
    """

    scores: npt.NDArray[np.float32]
    has_gradient: bool


def rank(name: str, capture: AttentionCapture, cells: Cells) -> Ranked:
    """Scores the attackable units of a layer.

    A matrix whose gradient is zero at every attackable unit is ranked by attention instead (paper,
    section 3.4).

    Args:
        name: the ranking, but "random".
        capture: the layer's, (H, T, T), with gradients unless the ranking is "attention".
        cells: the n attackable cells, ``query * T + key``, in order.
    """
    probabilities = at_cells(capture, cells, lambda block, _: attention(block))
    if name == "attention":
        return Ranked(probabilities, has_gradient=True)
    ranking = GRADIENT_RANKINGS[name]
    scores = at_cells(capture, cells, lambda block, _: ranking(block))
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


def random_scores(
    heads: int, tokens: int, cells: Cells, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Uniform scores of the attackable units of a layer, float32 (H, n): the paper's baseline."""
    return generator.random((heads, tokens**2), dtype=np.float32)[:, cells]


def generator_for(text: Text, seed: int | None, purpose: str = "units") -> np.random.Generator:
    """Randomness that depends on seed, text and purpose, not on what was attacked before.

    Without a seed it is torch's, the one that TextAttack's ``--random-seed`` sets.
    """
    seed = torch.initial_seed() if seed is None else seed
    digest = hashlib.blake2b(repr((purpose, text)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed % 2**63, int.from_bytes(digest, "little")])
