"""Ranks units by the gradient at the attention probabilities."""

from __future__ import annotations

from torch import Tensor

from ..attention import AttentionCapture
from .ranking import RANKINGS, Ranking


def probability_gradient(capture: AttentionCapture) -> Tensor:
    """Negates the gradient at the probabilities: the released code does so, and the tables show it.

    The paper's text says otherwise; see `score_gradient`.
    """
    return -capture.probability_gradients


RANKINGS.register("probability_gradient", Ranking(probability_gradient))
