"""Steps over a batch that is repeated, so that one pass of a model gives two answers to compare."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div

IGNORED = -100
"""The label of a row that has no part in the loss, in PyTorch's cross-entropy."""


def repeated(inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns a batch with its rows twice: all of them, and behind them all of them again."""
    return {
        name: torch.cat([rows, rows]) if isinstance(rows, Tensor) else rows
        for name, rows in inputs.items()
    }


def divergence(logits: Tensor) -> Tensor:
    """Computes the symmetric Kullback-Leibler divergence of the answers of two halves, a scalar.

    Args:
        logits: the logits of a repeated batch, (2B, C).

    Returns:
        Half the sum of both directions, as a mean over the B texts.
    """
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    first, second = precise.log_softmax(-1).chunk(2)
    there = kl_div(first, second, reduction="batchmean", log_target=True)
    back = kl_div(second, first, reduction="batchmean", log_target=True)
    return (there + back) / 2
