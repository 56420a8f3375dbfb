"""Ranks units at random: the paper's baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..structures import Cells
from .ranking import RANKINGS, Ranking


def random_scores(
    heads: int, tokens: int, cells: Cells, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draws uniform scores for the attackable units of a layer, float32 (H, n)."""
    return generator.random((heads, tokens**2), dtype=np.float32)[:, cells]


RANKINGS.register("random", Ranking(score=None, needs_gradient=False))
