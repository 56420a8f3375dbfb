"""Draws units as the code behind the paper's tables does, padding included.

The code draws with replacement from all cells of a text that is padded to 128 tokens. Most draws
fall on padding, or on the row and the column of [CLS], where they mask nothing: of a sentence of
25 tokens about one draw in 28 is a real unit.
"""

from __future__ import annotations

import numpy as np

from ..structures import Budget, Cells, Shape
from .candidates import joined_cells
from .ranking import RANKINGS, Ranking

PADDED = 128
"""The number of tokens to which the code pads every text (paper, Table 9)."""


def drawn_with_padding(
    shape: Shape, budget: Budget, layer: int, generator: np.random.Generator
) -> list[Cells]:
    """Draws as many cells of each padded matrix as the budget allows, and keeps attackable ones."""
    attackable = budget.cells(shape, layer)
    counts = budget.units_per_matrix(shape, layer)
    by_head = []
    for _ in range(shape.heads):
        drawn = [
            _cells_within(span, shape.tokens, count, generator)
            for span, count in zip(shape.spans, counts, strict=True)
        ]
        masked = np.intersect1d(np.concatenate(drawn), attackable).astype(attackable.dtype)
        by_head.append(
            joined_cells(masked, attackable, shape) if budget.joins_choices(shape) else masked
        )
    return by_head


def _cells_within(span: slice, tokens: int, count: int, generator: np.random.Generator) -> Cells:
    """Draws cells of a padded matrix, and returns those of real tokens, as cells of the whole."""
    length = span.stop - span.start
    queries, keys = generator.integers(max(PADDED, length), size=(2, count))
    real = (queries < length) & (keys < length)
    cells: Cells = (queries[real] + span.start) * tokens + keys[real] + span.start
    return cells


RANKINGS.register(
    "random_released", Ranking(score=None, needs_gradient=False, draw=drawn_with_padding)
)
