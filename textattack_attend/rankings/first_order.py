"""Ranks units by the change of the loss when they are masked, to first order."""

from __future__ import annotations

import torch
from torch import Tensor

from ..attention import AttentionCapture
from .ranking import RANKINGS, Ranking


def first_order(capture: AttentionCapture) -> Tensor:
    """Computes the linear term of the loss for masking a unit of probability p: ``-g / (1 - p)``.

    g is the gradient at the pre-softmax score; ``1 - p`` comes from renormalising the row.
    """
    rest = (1 - capture.probabilities).clamp_min(torch.finfo(torch.float32).eps)
    return -capture.score_gradients / rest


RANKINGS.register("first_order", Ranking(first_order))
