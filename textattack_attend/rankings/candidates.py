"""Candidate masks, the highest-ranked attackable units of every matrix, within the budget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil

import numpy as np
import numpy.typing as npt
import torch

from ..attention import AttentionCapture, Visit
from ..structures import Budget, Cells, Matrix, Shape, Structure
from .ranking import UNITS_AT_ONCE, Draw, rank
from .selection import highest

logger = logging.getLogger(__name__)


def candidate_masks(
    ranking: str, each_layer: Callable[[Visit], None], shape: Shape, budget: Budget
) -> dict[Matrix, Structure]:
    """Chooses the candidate mask of every matrix by the attention of a text.

    Args:
        ranking: the name of a ranking that scores units.
        each_layer: a function that shows every layer's capture, as `ForwardPass.each_layer` does,
            with gradients if the ranking needs them.
        shape: the shape of the text's structures.
        budget: the units that may be masked, and their number in a matrix.
    """
    chosen: dict[int, list[Cells]] = {}
    gradients: list[bool] = []

    def visit(layer: int, capture: AttentionCapture) -> None:
        ranked = rank(ranking, capture, budget.cells(shape, layer))
        gradients.append(ranked.has_gradient)
        chosen[layer] = highest_cells(ranked.scores, shape, budget, layer)

    each_layer(visit)
    if not any(gradients):
        logger.warning("the gradient is zero everywhere; units are ranked by attention instead")
    return _structures(chosen, shape)


def drawn_masks(
    draw: Draw, shape: Shape, budget: Budget, generator: np.random.Generator
) -> dict[Matrix, Structure]:
    """Draws the candidate mask of every matrix, without the model.

    Args:
        draw: the function of a ranking that draws the cells of a layer's heads.
        shape: the shape of the text's structures.
        budget: the units that may be masked, and their number in a matrix.
        generator: the source of randomness.
    """
    layers = range(shape.layers)
    return _structures({layer: draw(shape, budget, layer, generator) for layer in layers}, shape)


def highest_cells(
    scores: npt.NDArray[np.float32], shape: Shape, budget: Budget, layer: int, share: float = 1
) -> list[Cells]:
    """Chooses the candidate mask of every head of a layer: its highest-ranked attackable cells.

    Equal scores are taken in the order of (query, key).

    Args:
        scores: the scores of the attackable units of the layer, (H, n), ordered as by
            `Budget.cells`.
        shape: the shape of the structures.
        budget: the number of units of a matrix that may be masked.
        layer: the number of the layer.
        share: the share of the budget that is taken, in (0, 1].
    """
    cells = budget.cells(shape, layer)
    counts = [ceil(share * count) for count in budget.units_per_matrix(shape, layer)]
    ends = np.searchsorted(cells, [span.stop * shape.tokens for span in shape.spans])
    own = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    chosen = [
        [cells[part][positions] for positions in _highest(scores[:, part], count)]
        for part, count in zip(own, counts, strict=True)
    ]
    by_head = [np.concatenate(of_head) for of_head in zip(*chosen, strict=True)]
    if budget.joins_choices(shape):
        return [joined_cells(of_head, cells, shape) for of_head in by_head]
    return by_head


def _structures(chosen: Mapping[int, Sequence[Cells]], shape: Shape) -> dict[Matrix, Structure]:
    """Returns a structure for every matrix, from the cells of every head of every layer."""
    return {
        (layer, head): Structure(shape, {(layer, head): cells})
        for layer, by_head in sorted(chosen.items())
        for head, cells in enumerate(by_head)
    }


def joined_cells(chosen: Cells, attackable: Cells, shape: Shape) -> Cells:
    """Returns the attackable cells, in all sequences, at the places of those chosen in any."""
    masked = np.zeros((shape.tokens, shape.tokens), dtype=np.bool_)
    masked.ravel()[chosen] = True
    longest = max(shape.sequences)
    union = np.zeros((longest, longest), dtype=np.bool_)
    for span, size in zip(shape.spans, shape.sequences, strict=True):
        union[:size, :size] |= masked[span, span]
    for span, size in zip(shape.spans, shape.sequences, strict=True):
        masked[span, span] = union[:size, :size]
    return attackable[masked.ravel()[attackable]]


def _highest(scores: npt.NDArray[np.float32], count: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yields the sorted positions of the highest scores (H, n) of every head, a few heads at once.

    Equal scores are taken in the order of their positions.
    """
    heads, units = scores.shape
    counts = torch.tensor([[count]])
    at_once = max(1, UNITS_AT_ONCE // max(1, units))
    for start in range(0, heads, at_once):
        block = torch.from_numpy(scores[start : start + at_once])
        yield from map(np.flatnonzero, highest(block, counts).numpy())
