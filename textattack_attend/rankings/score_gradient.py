"""Ranks units by the gradient at the scores before the softmax."""

from __future__ import annotations

from torch import Tensor

from ..attention import AttentionCapture
from .ranking import RANKINGS, Ranking


def score_gradient(capture: AttentionCapture) -> Tensor:
    """Negates the gradient just before the softmax, as the paper's text says (section 3.4)."""
    return -capture.score_gradients


RANKINGS.register("score_gradient", Ranking(score_gradient))
