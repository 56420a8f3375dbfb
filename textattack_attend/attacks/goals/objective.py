"""Objectives: what the gradient of a goal is taken of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor], Tensor]
"""From logits (1, C) and a class (1,) to a scalar that grows as the class gets less likely."""


def lead_of_the_others(logits: Tensor, label: Tensor) -> Tensor:
    """Returns the best other logit minus that of the class."""
    own = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, label[:, None], True)
    return logits.masked_fill(own, -torch.inf).amax() - logits[own].sum()
