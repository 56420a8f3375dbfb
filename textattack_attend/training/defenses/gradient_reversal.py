"""Gradient reversal (Ganin et al. 2016): two players with opposite aims learn from one loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        return tensor.view_as(tensor)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def with_reversed_gradient(tensor: Tensor) -> Tensor:
    """Returns a tensor unchanged; the gradient that comes back through it changes its sign."""
    reverse: Any = _Reversal.apply
    reversed_: Tensor = reverse(tensor)
    return reversed_
