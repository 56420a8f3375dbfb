"""Ranks units at random: the paper's baseline."""

from __future__ import annotations

from .ranking import RANKINGS, Ranking

RANKINGS.register("random", Ranking(score=None, needs_gradient=False))
