"""Ranks units by attention."""

from __future__ import annotations

from torch import Tensor

from ..attention import AttentionCapture
from .ranking import RANKINGS, Ranking


def attention(capture: AttentionCapture) -> Tensor:
    """Returns the attention probability itself (paper, Table 6, "score")."""
    return capture.probabilities


RANKINGS.register("attention", Ranking(attention, needs_gradient=False))
