"""Draws the units of a matrix at random, each attackable one with the same chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..structures import Budget, Cells, Shape
from .candidates import highest_cells
from .ranking import RANKINGS, Ranking


def drawn_cells(
    shape: Shape, budget: Budget, layer: int, generator: np.random.Generator
) -> list[Cells]:
    """Draws as many attackable cells of each head of a layer as the budget allows."""
    cells = budget.cells(shape, layer)
    scores = random_scores(shape.heads, shape.tokens, cells, generator)
    return highest_cells(scores, shape, budget, layer)


def random_scores(
    heads: int, tokens: int, cells: Cells, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draws uniform scores for the attackable units of a layer, float32 (H, n)."""
    return generator.random((heads, tokens**2), dtype=np.float32)[:, cells]


RANKINGS.register("random", Ranking(score=None, needs_gradient=False, draw=drawn_cells))
