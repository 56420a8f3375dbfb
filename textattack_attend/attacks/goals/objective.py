"""Objectives: what the gradient of a goal is taken of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor], Tensor]
"""A function from logits (1, C) and a class (1,) to a scalar, higher the less likely the class."""


def margin_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Computes the lead of the best other logit over that of the class, a scalar."""
    own = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, label[:, None], True)
    return logits.masked_fill(own, -torch.inf).amax() - logits[own].sum()
