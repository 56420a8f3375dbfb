"""The selection of the highest scores, exact in which it takes and in how many."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def highest(scores: Tensor, counts: Tensor) -> Tensor:
    """Chooses the highest scores of every row, and of equal scores those that come first.

    NaN is lower than any number, and never chosen.

    Args:
        scores: the scores, float32 (..., n).
        counts: the number of scores to choose in each row, int (..., 1), at most n.

    Returns:
        A mask that is true at the chosen scores, bool (..., n).
    """
    if not scores.numel() or not counts.any():
        return torch.zeros_like(scores, dtype=torch.bool)
    ranked = scores.nan_to_num(-torch.inf, torch.inf, -torch.inf)
    threshold = _lowest_chosen(ranked, counts.clamp_min(1))
    chosen = (ranked >= threshold) & (counts > 0)
    numbers = ~scores.isnan()
    if (chosen.sum(-1, keepdim=True) == counts).all():
        return chosen & numbers
    above = chosen & (ranked > threshold)
    ties = chosen & ~above & numbers
    places = counts - above.sum(-1, keepdim=True)
    return above | (ties & (ties.cumsum(-1, dtype=torch.int32) <= places))


def _lowest_chosen(ranked: Tensor, counts: Tensor) -> Tensor:
    """Returns the lowest score of each row that is among its highest, (..., 1)."""
    counts = counts.expand(*ranked.shape[:-1], 1)
    if ranked.device.type != "cpu":
        return ranked.topk(int(counts.max()), -1).values.gather(-1, counts - 1)
    # On a CPU, NumPy takes a tenth of the time.
    places = ranked.shape[-1] - counts.numpy()
    parted = np.partition(ranked.numpy(), np.unique(places), -1)
    return torch.from_numpy(np.take_along_axis(parted, places, -1))
